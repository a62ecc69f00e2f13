// Offer Cancel for one tenant: `azd up` with an environment for each. docs/deploying.md leads through
// it. Names hold a hash of subscription, environment and region, so that environments never meet.
targetScope = 'subscription'

// ---- The environment ------------------------------------------------------------------------------

@description('Name of the azd environment; one for each tenant.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Region of everything that has one. It must offer Flex Consumption.')
@metadata({ azd: { type: 'location' } })
param location string

@description('Memory of an instance, in MB. The app needs no more than the smallest.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 512

@description('How many instances each function may have at most; the bound of cost, and of calls to Partner Center at a time.')
@minValue(1)
@maxValue(100)
param maximumInstances int = 40

@description('Instances for HTTP that are kept ready all the time, at a price, for senders that cannot wait for a cold start.')
@minValue(0)
@maxValue(10)
param alwaysReadyHttpInstances int = 0

@description('Redundancy of the business account. Standard_LRS where the region has no availability zones.')
@allowed(['Standard_ZRS', 'Standard_LRS', 'Standard_GZRS', 'Standard_GRS'])
param storageRedundancy string = 'Standard_ZRS'

@description('Whether storage and Key Vault are reached by private endpoints in a virtual network only.')
param usesVirtualNetwork bool = false

@description('How long logs are kept, in days.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 90

@description('How much of logs may be taken in a day, in GB; -1 for no limit.')
@minValue(-1)
param logDailyQuotaGb int = 1

@description('Object ids of service principals and managed identities that may put requests on the queue, comma-separated.')
param senderPrincipalIds string = ''

// ---- Partner Center -------------------------------------------------------------------------------

@description('Tenant of the Partner Center account; empty for the one that this is deployed in.')
param partnerCenterTenantId string = ''

@description('Client id of the application that is a user of the Partner Center account; infra/scripts/partner-center-access.sh makes it.')
param partnerCenterClientId string = ''

@description('How the application proves itself: by the app\'s managed identity, or by what lies in Key Vault.')
@allowed(['managed-identity', 'certificate', 'secret'])
param partnerCenterCredential string = 'managed-identity'

@description('PARTNER_CENTER_URL; empty for Microsoft\'s own.')
param partnerCenterUrl string = ''

@description('PARTNER_CENTER_SCOPE; empty for the one of Microsoft\'s own URL.')
param partnerCenterScope string = ''

@description('ALLOWED_PUBLISHERS: publishers served here, comma-separated; empty for all.')
param allowedPublishers string = ''

// ---- Callers and webhooks -------------------------------------------------------------------------

@description('Client id of the application that callers get Microsoft Entra tokens for; turns App Service authentication on.')
param callersClientId string = ''

@description('ALLOWED_CALLERS: who may cancel for which publishers; needs callersClientId.')
param allowedCallers string = ''

@description('Whether webhooks are taken. Their secrets lie in Key Vault, as the secret webhook-secrets.')
param takesWebhooks bool = false

// ---- Mail -----------------------------------------------------------------------------------------

@description('What sends mails. SMTP takes its URL, with the password, from Key Vault: the secret smtp-url.')
@allowed(['communication-services', 'smtp'])
param mailService string = 'communication-services'

@description('The tenant\'s own domain for Communication Services; empty for one that Azure manages, which sends 10 mails an hour.')
param mailDomain string = ''

@description('Whether the DNS records of mailDomain have been verified; until then mails come from the domain that Azure manages.')
param mailDomainIsVerified bool = false

@description('What stands before the @ of the sender\'s address on mailDomain; empty for DoNotReply. Azure takes another only once a support request has raised the quota.')
param mailSenderName string = ''

@description('Where Communication Services keeps what it sends; cannot be changed later.')
@allowed(['Africa', 'Asia Pacific', 'Australia', 'Brazil', 'Canada', 'Europe', 'France', 'Germany', 'India', 'Japan', 'Korea', 'Norway', 'Switzerland', 'UAE', 'UK', 'United States'])
param mailDataLocation string = 'United States'

@description('NOTIFICATION_ACS_QUOTA: mails a minute and an hour, as 30/100; empty for what Azure gives at first.')
param mailQuota string = ''

@description('Whether the app may send by a role made for it, or by the built-in one, which allows more.')
@allowed(['custom', 'built-in'])
param mailRole string = 'custom'

@description('NOTIFICATION_SENDER, with SMTP; Communication Services gives the address by itself.')
param smtpSender string = ''

@description('NOTIFICATION_DEFAULT_EMAILS: who hears when a request names nobody, and of trouble, comma-separated.')
param notificationDefaultEmails string = ''

@description('NOTIFICATION_ALLOWED_DOMAINS: domains that may be mailed to, comma-separated; * for all; empty for those of sender and default addresses.')
param notificationAllowedDomains string = ''

// ---- Patience, and pace ---------------------------------------------------------------------------
// Numbers that may have decimals are text, since Bicep knows whole numbers only.

@description('NOTIFICATION_DELAY_MINUTES: when NOT YET CANCELED is mailed.')
@minLength(1)
param notificationDelayMinutes string = '15'

@description('CANCEL_REQUEST_TTL_HOURS: how long a request is tried.')
@minLength(1)
param cancelRequestTtlHours string = '24'

@description('CANCEL_CONFIRM_MINUTES: readable time until a cancellation is unconfirmed.')
@minLength(1)
param cancelConfirmMinutes string = '120'

@description('RETRY_FIRST_SECONDS: the first retry of a request.')
@minLength(1)
param retryFirstSeconds string = '15'

@description('SECOND_LOOK_SECONDS: wait before "nothing runs" is believed of a young request.')
@minLength(1)
param secondLookSeconds string = '45'

@description('POLL_SCHEDULE: the poller runs each so many seconds. More often costs more.')
@allowed([5, 10, 15, 20, 30])
param pollEverySeconds int = 15

@description('POLL_CONCURRENCY: pending cancellations polled at once.')
@minValue(1)
@maxValue(256)
param pollConcurrency int = 16

@description('POLL_RUN_SECONDS: how long one run of the poller takes new work.')
@minLength(1)
param pollRunSeconds string = '45'

@description('POLL_LEASE_SECONDS: lease on a pending cancellation while it is polled.')
@minLength(1)
param pollLeaseSeconds string = '120'

@description('LEDGER_RETENTION_DAYS: how long a request\'s row is kept after all is done for it.')
@minLength(1)
param ledgerRetentionDays string = '90'

@description('PYTHON_THREADPOOL_THREAD_COUNT: threads of an instance, and HTTP requests it serves at a time; batchSize + newBatchThreshold of host.json must fit.')
@minValue(16)
@maxValue(32)
param threadCount int = 16

// ---- What is made ---------------------------------------------------------------------------------

var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'offer-cancel-${environmentName}-rg'
  location: location
  tags: tags
}

// Settings that are plain values; those that name what is made are added where it is made.
var settings = {
  PARTNER_CENTER_URL: partnerCenterUrl
  PARTNER_CENTER_SCOPE: partnerCenterScope
  PARTNER_CENTER_TENANT_ID: empty(partnerCenterTenantId) ? subscription().tenantId : partnerCenterTenantId
  PARTNER_CENTER_CLIENT_ID: partnerCenterClientId
  ALLOWED_PUBLISHERS: allowedPublishers
  ALLOWED_CALLERS: allowedCallers
  NOTIFICATION_DEFAULT_EMAILS: notificationDefaultEmails
  NOTIFICATION_ALLOWED_DOMAINS: notificationAllowedDomains
  NOTIFICATION_DELAY_MINUTES: notificationDelayMinutes
  CANCEL_REQUEST_TTL_HOURS: cancelRequestTtlHours
  CANCEL_CONFIRM_MINUTES: cancelConfirmMinutes
  RETRY_FIRST_SECONDS: retryFirstSeconds
  SECOND_LOOK_SECONDS: secondLookSeconds
  POLL_SCHEDULE: '*/${pollEverySeconds} * * * * *'
  POLL_CONCURRENCY: string(pollConcurrency)
  POLL_RUN_SECONDS: pollRunSeconds
  POLL_LEASE_SECONDS: pollLeaseSeconds
  LEDGER_RETENTION_DAYS: ledgerRetentionDays
  PYTHON_THREADPOOL_THREAD_COUNT: string(threadCount)
}

// A region has two spellings, and either must find what the other has made.
var region = toLower(replace(location, ' ', ''))

module resources 'modules/resources.bicep' = {
  name: 'resources'
  scope: group
  params: {
    token: toLower(uniqueString(subscription().id, toLower(environmentName), region))
    location: location
    tags: tags
    settings: settings
    instanceMemoryMB: instanceMemoryMB
    maximumInstances: maximumInstances
    alwaysReadyHttpInstances: alwaysReadyHttpInstances
    httpConcurrency: threadCount
    storageRedundancy: storageRedundancy
    usesVirtualNetwork: usesVirtualNetwork
    logRetentionDays: logRetentionDays
    logDailyQuotaGb: logDailyQuotaGb
    senderPrincipalIds: filter(map(split(senderPrincipalIds, ','), id => trim(id)), id => !empty(id))
    partnerCenterCredential: partnerCenterCredential
    callersClientId: callersClientId
    takesWebhooks: takesWebhooks
    mailService: mailService
    mailDomain: mailDomain
    mailDomainIsVerified: mailDomainIsVerified
    mailSenderName: mailSenderName
    mailDataLocation: mailDataLocation
    mailQuota: mailQuota
    mailRole: mailRole
    smtpSender: smtpSender
  }
}

@description('Resource group of this environment.')
output OFFER_CANCEL_RESOURCE_GROUP string = group.name

@description('Name of the function app.')
output OFFER_CANCEL_APP string = resources.outputs.appName

@description('Where the app is called.')
output OFFER_CANCEL_URL string = resources.outputs.appUrl

@description('URL of the queue that other services put requests on.')
output OFFER_CANCEL_QUEUE_URL string = resources.outputs.requestQueueUri

@description('Object id of the app\'s identity, for the federated credential.')
output OFFER_CANCEL_IDENTITY_OBJECT_ID string = resources.outputs.identityPrincipalId

@description('Tenant of the app\'s identity.')
output OFFER_CANCEL_TENANT_ID string = subscription().tenantId

@description('Name of the Key Vault; empty where none is needed.')
output OFFER_CANCEL_VAULT string = resources.outputs.vaultName

@description('Name of the Email Communication Services resource; empty with SMTP.')
output OFFER_CANCEL_EMAIL_SERVICE string = resources.outputs.emailName

@description('Address that mails come from.')
output OFFER_CANCEL_MAIL_SENDER string = resources.outputs.mailSender
