// The business account: requests and pending cancellations, what nobody could process, and each
// request's row. The app may work on these queues and this table; senders may put requests on one
// queue; nobody else may do anything.

@description('Name of the storage account.')
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('How many copies of the data there are, and where.')
param redundancy string

@description('Object id of the app\'s identity.')
param principalId string

@description('Object ids of the service principals and managed identities that may put requests on the queue.')
param senderPrincipalIds array

@description('Whether it is reached by private endpoints only.')
param isPrivate bool

// As the app calls them; a test holds these names to the code.
var requestQueue = 'cancel-requests'
var queueNames = [
  requestQueue
  '${requestQueue}-poison'
  'pending-cancellations'
  'pending-cancellations-poison'
]
var tableName = 'cancellations'

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  // checkov:skip=CKV_AZURE_206: three zones keep what lives for days; another region can be chosen
  // checkov:skip=CKV_AZURE_35: without private endpoints the addresses of app and senders are not known
  // checkov:skip=CKV_AZURE_59: as above; keys are off, and roles let in nobody else
  // checkov:skip=CKV_AZURE_36: no service of Microsoft's has any business here
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: redundancy
  }
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      defaultAction: isPrivate ? 'Deny' : 'Allow'
      bypass: 'None'
    }
  }
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: account
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = [
  for queueName in queueNames: {
    parent: queueService
    name: queueName
  }
]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2023-05-01' = {
  parent: account
  name: 'default'
}

resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2023-05-01' = {
  parent: tableService
  name: tableName
}

// Storage Queue Data Contributor, on each queue by itself: no narrower role may change a message,
// which is the app's checkpoint, or create a queue that somebody has deleted.
var queueDataContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'

resource queueRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queueName, i) in queueNames: {
    name: guid(queues[i].id, principalId, queueDataContributor)
    scope: queues[i]
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueDataContributor)
    }
  }
]

// Storage Table Data Contributor, on the one table: rows, and the table if somebody has deleted it.
var tableDataContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'

resource tableRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(table.id, principalId, tableDataContributor)
  scope: table
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', tableDataContributor)
  }
}

// Storage Queue Data Message Sender, on the queue of requests: senders add, and can read nothing.
var queueDataMessageSender = 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'

resource senderRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for senderPrincipalId in senderPrincipalIds: {
    name: guid(queues[0].id, senderPrincipalId, queueDataMessageSender)
    scope: queues[0]
    properties: {
      principalId: senderPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueDataMessageSender)
    }
  }
]

@description('Resource id, for private endpoints.')
output id string = account.id

@description('URL of the account\'s queues.')
output queueUri string = account.properties.primaryEndpoints.queue

@description('URL of the account\'s tables.')
output tableUri string = account.properties.primaryEndpoints.table

@description('URL of the queue that other services put requests on.')
output requestQueueUri string = '${account.properties.primaryEndpoints.queue}${requestQueue}'
