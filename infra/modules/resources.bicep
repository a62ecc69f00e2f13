// Everything in the resource group of one tenant, and the settings that name what is made here.

@description('What makes the names of this environment its own: 13 lower-case letters and digits.')
@minLength(13)
@maxLength(13)
param token string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Application settings that are plain values.')
param settings object

@description('Memory of an instance, in MB.')
param instanceMemoryMB int

@description('How many instances each function may have at most.')
param maximumInstances int

@description('Instances for HTTP that are kept ready all the time.')
param alwaysReadyHttpInstances int

@description('HTTP requests that an instance serves at a time.')
param httpConcurrency int

@description('Redundancy of the business account.')
param storageRedundancy string

@description('Whether storage and Key Vault are reached by private endpoints only.')
param usesVirtualNetwork bool

@description('How long logs are kept, in days.')
param logRetentionDays int

@description('How much of logs may be taken in a day, in GB.')
param logDailyQuotaGb int

@description('Object ids of those who may put requests on the queue.')
param senderPrincipalIds array

@description('How the application in Partner Center proves itself.')
param partnerCenterCredential string

@description('Client id of the application that callers get tokens for; empty for none.')
param callersClientId string

@description('Whether webhooks are taken.')
param takesWebhooks bool

@description('What sends mails.')
param mailService string

@description('The tenant\'s own domain for mail; empty for one that Azure manages.')
param mailDomain string

@description('Whether that domain has been verified.')
param mailDomainIsVerified bool

@description('What stands before the @ on that domain; empty for DoNotReply.')
param mailSenderName string

@description('Where Communication Services keeps what it sends.')
param mailDataLocation string

@description('How many mails may be sent in a minute and in an hour; empty for what Azure gives at first.')
param mailQuota string

@description('By which role the app may send.')
param mailRole string

@description('Address that mails come from, with SMTP.')
param smtpSender string

var usesMailService = mailService == 'communication-services'
var needsVault = takesWebhooks || !usesMailService || partnerCenterCredential != 'managed-identity'
var vaultName = 'kv-${token}'

module identity 'identity.bicep' = {
  name: 'identity'
  params: {
    name: 'id-offer-cancel-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'monitoring.bicep' = {
  name: 'monitoring'
  params: {
    workspaceName: 'log-offer-cancel-${token}'
    componentName: 'appi-offer-cancel-${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    retentionDays: logRetentionDays
    dailyQuotaGb: logDailyQuotaGb
    alertEmails: settings.NOTIFICATION_DEFAULT_EMAILS
  }
}

module hostStorage 'host-storage.bicep' = {
  name: 'host-storage'
  params: {
    name: 'sthost${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    isPrivate: usesVirtualNetwork
  }
}

module businessStorage 'business-storage.bicep' = {
  name: 'business-storage'
  params: {
    name: 'stcancel${token}'
    location: location
    tags: tags
    redundancy: storageRedundancy
    principalId: identity.outputs.principalId
    senderPrincipalIds: senderPrincipalIds
    isPrivate: usesVirtualNetwork
  }
}

module vault 'vault.bicep' = if (needsVault) {
  name: 'vault'
  params: {
    name: vaultName
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    isPrivate: usesVirtualNetwork
  }
}

module mail 'mail.bicep' = if (usesMailService) {
  name: 'mail'
  params: {
    serviceName: 'acs-offer-cancel-${token}'
    emailName: 'email-offer-cancel-${token}'
    roleName: 'Offer Cancel mail sender ${token}'
    tags: tags
    principalId: identity.outputs.principalId
    dataLocation: mailDataLocation
    domainName: mailDomain
    isDomainVerified: mailDomainIsVerified
    senderName: mailSenderName
    usesCustomRole: mailRole == 'custom'
  }
}

module network 'network.bicep' = if (usesVirtualNetwork) {
  name: 'network'
  params: {
    name: 'vnet-offer-cancel-${token}'
    location: location
    tags: tags
    hostStorageId: hostStorage.outputs.id
    businessStorageId: businessStorage.outputs.id
    vaultId: needsVault ? vault.outputs.id : ''
  }
}

// What the host and the platform read, and where storage is. No setting holds a key.
var platformSettings = {
  APPLICATIONINSIGHTS_CONNECTION_STRING: monitoring.outputs.connectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.outputs.clientId};Authorization=AAD'
  AzureWebJobsStorage__blobServiceUri: hostStorage.outputs.blobUri
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identity.outputs.clientId
  CancelStorage__queueServiceUri: businessStorage.outputs.queueUri
  CancelStorage__tableServiceUri: businessStorage.outputs.tableUri
  CancelStorage__credential: 'managedidentity'
  CancelStorage__clientId: identity.outputs.clientId
}

// By name and without a version: a secret that is replaced is taken up by itself within a day.
var reference = '@Microsoft.KeyVault(VaultName=${vaultName};SecretName='
var credentialSettings = {
  'managed-identity': {
    PARTNER_CENTER_MANAGED_IDENTITY_CLIENT_ID: identity.outputs.clientId
  }
  certificate: {
    PARTNER_CENTER_CERTIFICATE: '${reference}partner-center)'
  }
  secret: {
    PARTNER_CENTER_CLIENT_SECRET: '${reference}partner-center-secret)'
  }
}
var webhookSettings = takesWebhooks ? { WEBHOOK_SECRETS: '${reference}webhook-secrets)' } : {}
var mailSettings = usesMailService
  ? {
      NOTIFICATION_ACS_ENDPOINT: mail.outputs.endpoint
      NOTIFICATION_ACS_CLIENT_ID: identity.outputs.clientId
      NOTIFICATION_ACS_QUOTA: mailQuota
      NOTIFICATION_SENDER: mail.outputs.sender
    }
  : {
      NOTIFICATION_SMTP_URL: '${reference}smtp-url)'
      NOTIFICATION_SENDER: smtpSender
    }

module app 'app.bicep' = {
  name: 'app'
  params: {
    name: 'offer-cancel-${token}'
    planName: 'plan-offer-cancel-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    packageUri: hostStorage.outputs.packageUri
    settings: union(
      settings,
      platformSettings,
      credentialSettings[partnerCenterCredential],
      webhookSettings,
      mailSettings
    )
    instanceMemoryMB: instanceMemoryMB
    maximumInstances: maximumInstances
    alwaysReadyHttpInstances: alwaysReadyHttpInstances
    httpConcurrency: httpConcurrency
    subnetId: usesVirtualNetwork ? network.outputs.appSubnetId : ''
    callersClientId: callersClientId
  }
}

@description('Name of the function app.')
output appName string = app.outputs.name

@description('Where the app is called.')
output appUrl string = app.outputs.url

@description('URL of the queue that other services put requests on.')
output requestQueueUri string = businessStorage.outputs.requestQueueUri

@description('Object id of the app\'s identity.')
output identityPrincipalId string = identity.outputs.principalId

@description('Name of the Key Vault; empty where none is needed.')
output vaultName string = needsVault ? vault.outputs.name : ''

@description('Name of the Email Communication Services resource; empty with SMTP.')
output emailName string = usesMailService ? mail.outputs.emailName : ''

@description('Address that mails come from.')
output mailSender string = usesMailService ? mail.outputs.sender : smtpSender
