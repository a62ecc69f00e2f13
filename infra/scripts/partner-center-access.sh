#!/usr/bin/env bash
# Gives the deployed app its access to Partner Center; see --help and docs/deploying.md.
set -euo pipefail

readonly EXCHANGE="api://AzureADTokenExchange"
readonly LOGIN="https://login.microsoftonline.com"
# Where a person lands after consent. The application signs nobody in, and has no other use for it.
readonly AFTER_CONSENT="https://partner.microsoft.com/dashboard"
# By itself Key Vault would renew it months before its end, and the application would not know the new one.
readonly POLICY='{
    "issuerParameters": {"name": "Self"},
    "keyProperties": {"exportable": true, "keyType": "RSA", "keySize": 2048, "reuseKey": false},
    "secretProperties": {"contentType": "application/x-pkcs12"},
    "x509CertificateProperties": {
        "subject": "CN=offer-cancel", "keyUsage": ["digitalSignature"], "validityInMonths": 12},
    "lifetimeActions": [
        {"trigger": {"daysBeforeExpiry": 60}, "action": {"actionType": "EmailContacts"}}]}'

credential="" name="" client_id="" tenant="" target="" identity="" vault=""
renew=false uses_azd=true

usage() {
    cat <<'TEXT'
usage: partner-center-access.sh [option...]

Makes the application that is to be a user of the Partner Center account, and lets the deployed app
be it. Without a secret by default: the app's managed identity is the application's federated
credential. What is there already is left as it is, so it may be run again.

Run it after `azd provision`, signed in (`az login`) to the tenant that the app is deployed in.
Options that are not given are taken from the selected azd environment.

  --credential KIND   managed-identity (default), certificate, or secret; the last two need Key Vault
  --name NAME         display name of the application (offer-cancel-<azd environment>)
  --client-id ID      an application that exists already, instead of one by that name
  --tenant ID         tenant that the app is deployed in
  --identity ID       object id of the app's managed identity
  --vault NAME        Key Vault for a certificate or a secret
  --partner-center-tenant ID
                      tenant of the Partner Center account (the same tenant)
  --renew             with certificate or secret: put a new one beside the old one
  --no-azd            only say what is to be set in azd, and ask it nothing
  -h, --help          show this
TEXT
}

fail() {
    echo "partner-center-access.sh: $*" >&2
    exit 1
}

read_options() {
    while (($#)); do
        case "$1" in
            -h | --help) usage && exit 0 ;;
            --renew) renew=true ;;
            --no-azd) uses_azd=false ;;
            --*)
                if (($# < 2)) || [[ -z $2 ]]; then fail "$1 is unknown, or needs a value (--help)"; fi
                read_value "$1" "$2"
                shift
                ;;
            *) fail "what is $1? (--help)" ;;
        esac
        shift
    done
}

read_value() {
    case "$1" in
        --credential) credential=$2 ;;
        --name) name=$2 ;;
        --client-id) client_id=$2 ;;
        --tenant) tenant=$2 ;;
        --identity) identity=$2 ;;
        --vault) vault=$2 ;;
        --partner-center-tenant) target=$2 ;;
        *) fail "$1 is unknown (--help)" ;;
    esac
}

fill_in() {
    credential=${credential:-$(from_azd PARTNER_CENTER_CREDENTIAL)}
    credential=${credential:-managed-identity}
    tenant=${tenant:-$(from_azd OFFER_CANCEL_TENANT_ID)}
    [[ -n $tenant ]] || fail "no tenant: run azd provision first, or give --tenant"
    target=${target:-$(from_azd PARTNER_CENTER_TENANT_ID)}
    target=${target:-$tenant}
    client_id=${client_id:-$(from_azd PARTNER_CENTER_CLIENT_ID)}
    name=${name:-offer-cancel-$(from_azd AZURE_ENV_NAME)}
    name=${name%-}
    case "$credential" in
        managed-identity)
            identity=${identity:-$(from_azd OFFER_CANCEL_IDENTITY_OBJECT_ID)}
            [[ -n $identity ]] || fail "no identity: run azd provision first, or give --identity"
            ;;
        certificate | secret)
            vault=${vault:-$(from_azd OFFER_CANCEL_VAULT)}
            [[ -n $vault ]] || fail "no Key Vault: azd env set PARTNER_CENTER_CREDENTIAL" \
                "$credential, then azd provision; or give --vault"
            ;;
        *) fail "--credential must be managed-identity, certificate or secret" ;;
    esac
}

main() {
    read_options "$@"
    command -v az >/dev/null || fail "the Azure CLI is missing: https://aka.ms/azure-cli"
    command -v azd >/dev/null || uses_azd=false
    fill_in
    check_signed_in
    find_or_make_application
    find_or_make_service_principal
    case "$credential" in
        managed-identity) federate ;;
        certificate) put_certificate ;;
        secret) put_secret ;;
    esac
    tell_azd PARTNER_CENTER_CLIENT_ID "$client_id"
    tell_azd PARTNER_CENTER_TENANT_ID "$target"
    tell_azd PARTNER_CENTER_CREDENTIAL "$credential"
    say_what_is_left
}

# A value of the selected azd environment; nothing where there is none.
from_azd() {
    $uses_azd || return 0
    azd env get-value "$1" 2>/dev/null | grep -v '^ERROR' || true
}

check_signed_in() {
    local signed_in
    signed_in=$(az account show --query tenantId --output tsv) || fail "az login --tenant $tenant"
    # An application that is made in another tenant can never be federated with this identity.
    [[ $signed_in == "$tenant" ]] ||
        fail "az is signed in to tenant $signed_in: az login --tenant $tenant"
}

find_or_make_application() {
    local audience=AzureADMyOrg found quote="'"
    [[ $tenant == "$target" ]] || audience=AzureADMultipleOrgs
    if [[ -n $client_id ]]; then
        found=$(az ad app show --id "$client_id" --query signInAudience --output tsv) ||
            fail "tenant $tenant has no application $client_id"
        [[ $audience == AzureADMyOrg || $found == AzureADMultipleOrgs ]] ||
            fail "another tenant cannot know the application: az ad app update --id $client_id" \
                "--sign-in-audience $audience"
        return
    fi
    found=$(az ad app list --filter "displayName eq '${name//$quote/$quote$quote}'" --query '[].appId' \
        --output tsv) || fail "applications cannot be listed"
    [[ $(wc -w <<<"$found") -le 1 ]] || fail "several applications are called $name: --client-id"
    client_id=$found
    [[ -z $client_id ]] || return 0
    echo "Making application $name" >&2
    client_id=$(az ad app create --display-name "$name" --sign-in-audience "$audience" \
        --web-redirect-uris "$AFTER_CONSENT" --query appId --output tsv) ||
        fail "the application cannot be made; who does it needs the role Application Developer"
}

find_or_make_service_principal() {
    local found
    found=$(az ad sp list --filter "appId eq '$client_id'" --query '[].id' --output tsv) ||
        fail "service principals cannot be listed"
    [[ -z $found ]] || return 0
    echo "Making its service principal" >&2
    az ad sp create --id "$client_id" --output none
}

federate() {
    local issuer="$LOGIN/$tenant/v2.0" ours found change=(create)
    ours="subject=='$identity' && issuer=='$issuer'"
    found=$(federated "$ours && contains(audiences, '$EXCHANGE')")
    [[ -z $found ]] || return 0
    # Of one issuer and subject there can be no second, for another audience.
    found=$(federated "$ours")
    [[ -z $found ]] || change=(update --federated-credential-id "$found")
    echo "Letting managed identity $identity be it" >&2
    az ad app federated-credential "${change[@]}" --id "$client_id" --output none --parameters "{
        \"name\": \"${found:-offer-cancel-$identity}\", \"issuer\": \"$issuer\",
        \"subject\": \"$identity\", \"audiences\": [\"$EXCHANGE\"],
        \"description\": \"Managed identity of Offer Cancel\" }"
}

# The names of the application's federated credentials of which this is true.
federated() {
    az ad app federated-credential list --id "$client_id" --query "[?$1].name" --output tsv ||
        fail "federated credentials cannot be listed"
}

# Whether Key Vault has it and it is not to be replaced.
is_kept() {
    ! $renew && az keyvault "$1" show --vault-name "$vault" --name "$2" --output none 2>/dev/null ||
        return 1
    echo "The $1 $2 is in $vault already; --renew makes another" >&2
}

put_certificate() {
    is_kept certificate partner-center && return
    echo "Making certificate partner-center in $vault" >&2
    az keyvault certificate create --vault-name "$vault" --name partner-center --policy "$POLICY" \
        --output none
    # Run again as it was, it would take the certificate for one that the application knows.
    az ad app credential reset --id "$client_id" --append --keyvault "$vault" \
        --cert partner-center --years 1 --output none ||
        fail "the application was not given the certificate: run this again with --renew"
}

put_secret() {
    local value
    is_kept secret partner-center-secret && return
    echo "Making a secret, and putting it into $vault as partner-center-secret" >&2
    value=$(az ad app credential reset --id "$client_id" --append --years 1 \
        --display-name "Offer Cancel" --query password --output tsv --only-show-errors) ||
        fail "no secret can be made"
    # By standard input: arguments are to be seen in the list of processes.
    printf '%s' "$value" | az keyvault secret set --vault-name "$vault" \
        --name partner-center-secret --file /dev/stdin --encoding utf-8 --output none
}

tell_azd() {
    if $uses_azd; then azd env set "$1" "$2"; else echo "azd env set $1 $2"; fi
}

say_what_is_left() {
    local subscription
    subscription=$(from_azd AZURE_SUBSCRIPTION_ID)
    echo
    echo "Application $name, client id $client_id. What is left to do:"
    if [[ $tenant != "$target" ]]; then
        cat <<TEXT

- In tenant $target, the one of Partner Center, an administrator makes the application known,
  by opening this link, or by the commands below it:
    $LOGIN/$target/adminconsent?client_id=$client_id
    az login --tenant $target --allow-no-subscriptions
    az ad sp create --id $client_id
  and back to the tenant that the app is in:
    az login --tenant $tenant
    az account set --subscription ${subscription:-SUBSCRIPTION}
TEXT
    fi
    cat <<TEXT

- In Partner Center (https://partner.microsoft.com/dashboard), as its global administrator:
    the gear > Account settings > User management > Microsoft Entra applications
    > Add Microsoft Entra application > (choose $name) > role Manager > Add
  The tenant must be linked there before: Account settings > Tenants.

- Let the deployment know. The app is restarted, and tries its access at once:
    azd provision
  See that it works, in a shell that may (docs/deploying.md, "The commands, from your machine"):
    .venv/bin/python -m shared.operate check --deployed
  What is mended later is seen ten minutes after
    .venv/bin/python -m shared.operate check --deployed --again
TEXT
}

main "$@"
