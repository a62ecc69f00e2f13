#!/usr/bin/env bash
# Shows whether a deployment is whole; see --help and docs/deploying.md.
set -euo pipefail
export LC_ALL=C # one order for sort and comm

readonly ROOT="${BASH_SOURCE[0]%/*}/../.."
readonly OFFER="offer-cancel-check" # does not exist, so that nothing can be canceled
# shellcheck source=probe-rights.sh
source "${BASH_SOURCE[0]%/*}/probe-rights.sh"

app="" group="" subscription="" identity="" tenant="" publisher="" mail_to="" azd_values=""
wait_seconds=600 every_seconds=10 uses_azd=true problems=0

usage() {
    cat <<'TEXT'
usage: probe.sh [option...]

Shows whether a deployment is whole: all functions are indexed, the app answers, and its identity
has the rights that it needs and no other; then what is left to do. Changes nothing, so it may be
run at any time. azd runs it after each deployment.

Needs `az login`. Options that are not given are taken from the environment (azd gives its own to
what it runs), then from the selected azd environment.

  --mail-to ADDRESS   have the app send a test mail: ask it to cancel for an offer that does not
                      exist (PROBE_MAIL_TO)
  --publisher ID      whose offer that is (the first of ALLOWED_PUBLISHERS)
  --wait SECONDS      how long to wait for functions and an answer (600)
  --every SECONDS     how often to look (10)
  --app NAME, --group NAME, --subscription ID, --identity ID
                      the function app, its resource group and subscription, and the object id of
                      its identity
  --no-azd            ask azd nothing
  -h, --help          show this

exit codes: 0 the deployment is whole, 1 it is not, or could not be looked at
TEXT
}

fail() {
    echo "probe.sh: $*" >&2
    exit 1
}

ok() { printf 'ok       %-15s %s\n' "$1" "$2"; }
wrong() { printf 'wrong    %-15s %s\n' "$1" "$2" && problems=$((problems + 1)); }
left() { printf 'to do    %-15s %s\n' "$1" "$2"; }
hint() { printf '           %s\n' "$@"; }

read_options() {
    while (($#)); do
        case "$1" in
            -h | --help) usage && exit 0 ;;
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
        --mail-to) mail_to=$2 ;;
        --publisher) publisher=$2 ;;
        --wait) wait_seconds=$2 ;;
        --every) every_seconds=$2 ;;
        --app) app=$2 ;;
        --group) group=$2 ;;
        --subscription) subscription=$2 ;;
        --identity) identity=$2 ;;
        *) fail "$1 is unknown (--help)" ;;
    esac
}

# A value of the environment, or of the selected azd environment; nothing where there is none.
known() {
    echo "${!1:-$(sed -n "s/^$1=\"\(.*\)\"\$/\1/p" <<<"$azd_values")}"
}

fill_in() {
    if $uses_azd; then azd_values=$(azd env get-values 2>/dev/null | tr -d '\r') || azd_values=""; fi
    command -v az >/dev/null || fail "the Azure CLI is missing: https://aka.ms/azure-cli"
    app=${app:-$(known OFFER_CANCEL_APP)}
    group=${group:-$(known OFFER_CANCEL_RESOURCE_GROUP)}
    subscription=${subscription:-$(known AZURE_SUBSCRIPTION_ID)}
    identity=${identity:-$(known OFFER_CANCEL_IDENTITY_OBJECT_ID)}
    [[ -n $app && -n $group && -n $subscription && -n $identity ]] ||
        fail "which deployment? Run azd provision first, or give --app, --group, --subscription" \
            "and --identity"
    tenant=$(az account show --subscription "$subscription" --query tenantId --output tsv) ||
        fail "az is not signed in to subscription $subscription: az login"
    mail_to=${mail_to:-$(known PROBE_MAIL_TO)}
    [[ -z $mail_to || $mail_to =~ ^[A-Za-z0-9.+_-]+@[A-Za-z0-9.-]+$ ]] ||
        fail "--mail-to must be one bare e-mail address"
    group_id="/subscriptions/$subscription/resourceGroups/$group"
    app_id="$group_id/providers/Microsoft.Web/sites/$app"
}

main() {
    exec </dev/null # azd gives it the terminal, in a pipeline too: nothing may wait for an answer
    read_options "$@"
    fill_in
    deadline=$((SECONDS + wait_seconds))
    check_functions
    check_answer
    check_roles
    check_federation
    check_secrets
    check_sender
    [[ -z $mail_to ]] || send_test_mail
    if ((problems)); then fail "$problems of this must be mended, see docs/deploying.md"; fi
    echo "What the app itself finds, each hour: python -m shared.operate check --deployed"
}

azure() { az "$@" --subscription "$subscription" --only-show-errors; }

# The Azure CLI ends lines with CR on Windows.
lines() { tr -d '\r' | sed '/^$/d' | sort -u; }

joined() { tr '\n' ' ' | sed 's/ $//'; }

# Whether there is time for another try; if so, wait for it.
may_try_again() {
    ((SECONDS < deadline)) || return 1
    echo "...      $1 ($((deadline - SECONDS)) s left)" >&2
    sleep "$every_seconds"
}

expected_functions() {
    local path
    for path in "$ROOT"/*/function.json; do basename "${path%/function.json}"; done | lines
}

indexed_functions() {
    azure functionapp function list --resource-group "$group" --name "$app" \
        --query '[].name' --output tsv | sed 's|.*/||' | lines
}

check_functions() {
    local found missing surplus
    while true; do
        found=$(indexed_functions) || found=""
        missing=$(comm -23 <(expected_functions) <(lines <<<"$found") | joined)
        surplus=$(comm -13 <(expected_functions) <(lines <<<"$found") | joined)
        [[ -n $missing ]] || break
        may_try_again "not indexed yet: $missing" || break
    done
    if [[ -n $missing ]]; then
        wrong functions "not indexed: $missing"
        explain_missing_functions
    elif [[ -n $surplus ]]; then
        wrong functions "indexed, but not of this checkout: $surplus"
        hint "azd deploy"
    else
        ok functions "all $(expected_functions | wc -l | tr -d ' ') are indexed"
    fi
}

explain_missing_functions() {
    hint "A deployment can be green and have no functions. What the host says:"
    azure rest --method get --url "$app_id/hostruntime/admin/host/status?api-version=2022-03-01" \
        --query '[state, errors[]][]' --output tsv 2>&1 | sed 's/^/             /' || true
    hint "Then: was the build remote (azure.yaml), and did it end well? azd deploy" \
        "What is in the package? make package" \
        "Can the host reach its storage? The roles below, and AzureWebJobsStorage__ settings." \
        "An error of an import is in Application Insights: exceptions | order by timestamp desc"
}

# Read over HTTP with a key, which must never be an argument: those are to be seen by others.
# Prints the body, then the status on a line of its own.
call_app() {
    local key token=""
    key=$(azure functionapp keys list --resource-group "$group" --name "$app" \
        --query functionKeys.default --output tsv) || return 1
    if [[ -n ${3:-} ]]; then
        token=$(azure account get-access-token --resource "$3" --query accessToken --output tsv) ||
            return 1
    fi
    {
        printf 'header = "x-functions-key: %s"\n' "$key"
        [[ -z $token ]] || printf 'header = "Authorization: Bearer %s"\n' "$token"
        [[ -z ${2:-} ]] || printf 'header = "Content-Type: application/json"\ndata = "%s"\n' "$2"
    } | curl --config - --silent --show-error --max-time 60 --write-out '\n%{http_code}' \
        "$(app_url)$1"
}

app_url() {
    local url
    url=$(known OFFER_CANCEL_URL)
    echo "${url:-https://$app.azurewebsites.net}"
}

check_answer() {
    local status wanted=200 what="and reads its table"
    # The key alone must not open what Microsoft Entra is to guard.
    [[ -z $(known CALLERS_CLIENT_ID) ]] || wanted=401 what="and keeps out who has no token"
    while true; do
        status=$(call_app "/api/cancellations" 2>&1) || true
        status=${status##*$'\n'}
        [[ $status != "$wanted" ]] || { ok answer "the app answers, $what" && return; }
        [[ $status != 200 ]] || break
        may_try_again "the app answers $status" || break
    done
    wrong answer "the app answers ${status:-nothing}, not $wanted"
    case "$status" in
        200) hint "App Service authentication does not hold: nobody may be let in by a key alone." ;;
        401) hint "Microsoft Entra is in front of the app: azd env set CALLERS_CLIENT_ID, azd provision" ;;
        404) hint "The function is not there, or could not be imported; see above." ;;
        503) hint "It cannot reach its storage: roles may take ten minutes until they count." ;;
        *) hint "Application Insights has why: exceptions | order by timestamp desc" ;;
    esac
}

send_test_mail() {
    local answer
    publisher=${publisher:-$(known ALLOWED_PUBLISHERS)}
    publisher=${publisher%%,*}
    [[ -n $publisher ]] || fail "--mail-to needs --publisher, or ALLOWED_PUBLISHERS"
    answer=$(call_app "/api/publishers/$publisher/offers/$OFFER/cancel" \
        "{\\\"metadata\\\": {\\\"notification-emails\\\": \\\"$mail_to\\\"}}" \
        "$(known CALLERS_CLIENT_ID)") || true
    if [[ ${answer##*$'\n'} == 202 ]]; then
        ok "test mail" "asked for: it will say NOT canceled, as there is no offer $OFFER"
    else
        wrong "test mail" "the app answers ${answer##*$'\n'}: ${answer%$'\n'*}"
    fi
}

main "$@"
