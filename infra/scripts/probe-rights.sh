# What the identity of a deployment may do, and what it needs besides; a part of probe.sh.
# shellcheck shell=bash disable=SC2154 # the deployment is named there

readonly EXCHANGE="api://AzureADTokenExchange"
# As infra/modules/business-storage.bicep makes them; a test holds these to it.
readonly QUEUES="cancel-requests cancel-requests-poison pending-cancellations pending-cancellations-poison"
readonly TABLE="cancellations"

# Role and scope, with a tab between them, of all that the identity is to have.
expected_roles() {
    local id queue mail_role="Offer Cancel mail sender"
    [[ $(known MAIL_ROLE) != built-in ]] || mail_role="Communication and Email Service Owner"
    while read -r id; do
        case "$(tr '[:upper:]' '[:lower:]' <<<"$id")" in
            */microsoft.storage/storageaccounts/sthost*)
                printf 'Storage Blob Data Owner\t%s\n' "$id"
                ;;
            */microsoft.storage/storageaccounts/stcancel*)
                for queue in $QUEUES; do
                    printf 'Storage Queue Data Contributor\t%s/queueServices/default/queues/%s\n' \
                        "$id" "$queue"
                done
                printf 'Storage Table Data Contributor\t%s/tableServices/default/tables/%s\n' \
                    "$id" "$TABLE"
                ;;
            */microsoft.insights/components/*) printf 'Monitoring Metrics Publisher\t%s\n' "$id" ;;
            */microsoft.keyvault/vaults/*) printf 'Key Vault Secrets User\t%s\n' "$id" ;;
            */microsoft.communication/communicationservices/*) printf '%s\t%s\n' "$mail_role" "$id" ;;
        esac
    done <<<"$resources"
}

# Azure writes ids in any case, and the custom role has the environment's own letters at its end.
comparable() {
    awk -F '\t' -v OFS='\t' 'NF {
        sub(/^Offer Cancel mail sender .*/, "Offer Cancel mail sender", $1)
        print $1, tolower($2)
    }' | lines
}

# Azure CLI finds the names of roles that can be given in the whole subscription. One that was made for
# the group comes with its id in place of the name.
named() {
    local own
    own=$(azure role definition list --resource-group "$group" --custom-role-only \
        --query '[].[name, roleName || properties.roleName]' --output tsv | lines) ||
        fail "the roles of $group cannot be listed"
    awk -F '\t' -v OFS='\t' 'NR == FNR { name[tolower($1)] = $2; next }
        { id = tolower($1); sub(/.*\//, "", id) }
        id in name { $1 = name[id] }
        { print }' <(printf '%s\n' "$own") - <<<"$1"
}

check_roles() {
    local given expected role scope before=$problems
    resources=$(azure resource list --resource-group "$group" --query '[].id' --output tsv | lines) ||
        fail "the resources of $group cannot be listed"
    [[ -n $resources ]] || fail "$group has no resources"
    given=$(azure role assignment list --assignee "$identity" --all --include-groups \
        --query '[].[roleDefinitionName || roleDefinitionId, scope, principalType, id]' \
        --output tsv | lines) || fail "the roles of the identity cannot be listed"
    given=$(named "$given")
    expected=$(expected_roles | comparable)
    while IFS=$'\t' read -r role scope; do
        wrong roles "the app's identity lacks $role"
        hint "on $scope" "azd provision --no-state"
    done < <(comm -23 <(lines <<<"$expected") <(comparable <<<"$given"))
    while IFS=$'\t' read -r role scope; do
        wrong roles "the app's identity has more than it needs: $role"
        hint "on $scope" "$(removal "$role" "$scope" "$given")"
    done < <(comm -13 <(lines <<<"$expected") <(comparable <<<"$given"))
    ((problems > before)) || ok roles "the $(wc -l <<<"$expected" | tr -d ' ') that it needs, and no other"
}

# How to take a role away that was given on a scope.
removal() {
    awk -F '\t' -v role="$1" -v scope="$2" 'index($1, role) == 1 && tolower($2) == scope {
        print $3 == "Group" ? "by a group that it is in" : "az role assignment delete --ids " $4
        exit
    }' <<<"$3"
}

check_federation() {
    local client found kind ours
    client=$(known PARTNER_CENTER_CLIENT_ID)
    kind=$(known PARTNER_CENTER_CREDENTIAL)
    if [[ -z $client ]]; then
        left partner-center "no access yet: infra/scripts/partner-center-access.sh, azd provision"
        return
    fi
    [[ ${kind:-managed-identity} == managed-identity ]] || return 0
    ours="subject=='$identity' && contains(audiences, '$EXCHANGE')"
    found=$(az ad app federated-credential list --id "$client" --only-show-errors --output tsv \
        --query "[?$ours && ends_with(issuer, '/$tenant/v2.0')].name") ||
        { left partner-center "application $client could not be looked at" && return; }
    if [[ -n $found ]]; then
        ok partner-center "the application is federated with the app's identity"
    else
        wrong partner-center "application $client is not federated with the app's identity"
        hint "infra/scripts/partner-center-access.sh"
    fi
}

check_secrets() {
    local found name status
    found=$(azure rest --method get --output tsv \
        --url "$app_id/config/configreferences/appsettings?api-version=2024-04-01" \
        --query "value[?properties.status!='Resolved'].[name, properties.status]" | lines) ||
        fail "references to Key Vault cannot be listed"
    while IFS=$'\t' read -r name status; do
        [[ -z $name ]] || left secrets "$name is not taken from Key Vault: $status"
    done <<<"$found"
}

check_sender() {
    local id domains
    id=$(grep -i '/Microsoft.Communication/communicationServices/' <<<"$resources") || return 0
    domains=$(azure resource show --ids "$id" --query 'properties.linkedDomains[]' --output tsv) ||
        fail "the sender of mails cannot be looked at"
    if [[ -z $domains ]]; then
        wrong mail "no domain is linked, and nothing is sent"
        hint "azd provision --no-state"
    elif [[ -n $(known MAIL_DOMAIN) && $(known MAIL_DOMAIN_IS_VERIFIED) != true ]]; then
        left mail "mails come from Azure's domain, five a minute, until yours is verified; then"
        hint "azd env set MAIL_DOMAIN_IS_VERIFIED true" "azd provision"
    else
        ok mail "the sender's domain is linked"
    fi
}
