// The Functions host's own account: function keys, timer leases, and the deployed package. Nobody
// but the app has any right on it.

@description('Name of the storage account.')
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Object id of the app\'s identity.')
param principalId string

@description('Whether it is reached by private endpoints only.')
param isPrivate bool

var container = 'app-package'

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  // checkov:skip=CKV_AZURE_206: a deployment makes again what it holds; only callers' keys would change
  // checkov:skip=CKV_AZURE_35: without private endpoints the app's addresses are not known beforehand
  // checkov:skip=CKV_AZURE_59: as above; keys and public blobs are off, and roles let in nobody else
  // checkov:skip=CKV_AZURE_36: no service of Microsoft's has any business here
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
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

  resource blobs 'blobServices' = {
    name: 'default'

    resource package 'containers' = {
      name: container
      properties: {
        publicAccess: 'None'
      }
    }
  }
}

// Storage Blob Data Owner: what the host asks for on its own account (leases, keys, package).
var blobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'

resource owner 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, principalId, blobDataOwner)
  scope: account
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataOwner)
  }
}

@description('Resource id, for private endpoints.')
output id string = account.id

@description('URL of the account\'s blobs.')
output blobUri string = account.properties.primaryEndpoints.blob

@description('URL of the container that the deployed package is in.')
output packageUri string = '${account.properties.primaryEndpoints.blob}${container}'
