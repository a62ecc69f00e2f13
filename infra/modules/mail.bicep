// Azure Communication Services mail, from a domain that Azure manages or from the tenant's own. Until
// that is verified mails come from the one that Azure manages, so that there is mail all the time.

@description('Name of the Communication Services resource, which mails are sent through.')
param serviceName string

@description('Name of the Email Communication Services resource, which holds the domain.')
param emailName string

@description('Name of the custom role that lets the app send.')
param roleName string

@description('Tags of every resource.')
param tags object

@description('Object id of the app\'s identity.')
param principalId string

@description('Where mails are kept while they are on their way.')
param dataLocation string

@description('The tenant\'s own domain; empty for one that Azure manages.')
param domainName string

@description('Whether the DNS records of the tenant\'s own domain have been verified: only then may it send.')
param isDomainVerified bool

@description('What stands before the @ of the sender\'s address, with a domain of one\'s own; empty for what every domain has.')
param senderName string

@description('Whether the app gets a role made for it; otherwise the built-in one, which allows more.')
param usesCustomRole bool

var here = resourceGroup().id
var isOwn = !empty(domainName)
var isOwnUsed = isOwn && isDomainVerified
// Every domain has this sender. Azure makes another one only on a domain of the tenant's own, and not
// before a support request has raised its quota.
var sentBy = 'DoNotReply'
var hasOwnSender = isOwnUsed && !empty(senderName)

resource email 'Microsoft.Communication/emailServices@2023-04-01' = {
  name: emailName
  location: 'global'
  tags: tags
  properties: {
    dataLocation: dataLocation
  }
}

resource managedDomain 'Microsoft.Communication/emailServices/domains@2023-04-01' = if (!isOwnUsed) {
  parent: email
  name: 'AzureManagedDomain'
  location: 'global'
  tags: tags
  properties: {
    domainManagement: 'AzureManaged'
    userEngagementTracking: 'Disabled'
  }
}

resource ownDomain 'Microsoft.Communication/emailServices/domains@2023-04-01' = if (isOwn) {
  parent: email
  name: isOwn ? domainName : 'none' // Azure wants a name even of what it is not to make
  location: 'global'
  tags: tags
  properties: {
    domainManagement: 'CustomerManaged'
    userEngagementTracking: 'Disabled'
  }
}

resource ownSender 'Microsoft.Communication/emailServices/domains/senderUsernames@2023-04-01' = if (hasOwnSender) {
  parent: ownDomain
  name: hasOwnSender ? toLower(senderName) : 'none'
  properties: {
    username: senderName
    displayName: 'Offer Cancel'
  }
}

resource service 'Microsoft.Communication/communicationServices@2025-05-01' = {
  name: serviceName
  location: 'global'
  tags: tags
  properties: {
    dataLocation: dataLocation
    disableLocalAuth: true
    linkedDomains: isOwnUsed ? [ownDomain.id] : [managedDomain.id]
  }
}

// What Microsoft documents as needed to send, and nothing else: no keys, no deletion.
resource sendMail 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (usesCustomRole) {
  name: guid(here, roleName)
  properties: {
    roleName: roleName
    description: 'Sends mail through Azure Communication Services.'
    type: 'CustomRole'
    assignableScopes: [here]
    permissions: [
      {
        actions: [
          'Microsoft.Communication/CommunicationServices/Read'
          'Microsoft.Communication/CommunicationServices/Write'
          'Microsoft.Communication/EmailServices/Write'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
  }
}

// Communication and Email Service Owner, for subscriptions where no custom role can be made, or
// where the service does not honor one.
var serviceOwner = '09976791-48a7-449e-bb21-39d1a415f350'

resource senderRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(service.id, principalId, usesCustomRole ? roleName : serviceOwner)
  scope: service
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: usesCustomRole
      ? sendMail.id
      : subscriptionResourceId('Microsoft.Authorization/roleDefinitions', serviceOwner)
  }
}

@description('URL that mails are sent to.')
output endpoint string = 'https://${service.properties.hostName}'

@description('Address that mails come from.')
output sender string = isOwnUsed
  ? '${hasOwnSender ? senderName : sentBy}@${ownDomain.properties.mailFromSenderDomain}'
  : '${sentBy}@${managedDomain.properties.mailFromSenderDomain}'

@description('Name of the Email Communication Services resource.')
output emailName string = email.name
