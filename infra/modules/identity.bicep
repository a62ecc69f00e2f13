// Who the app is, towards storage, telemetry, mail and Key Vault, and by federation towards Partner
// Center. User-assigned: it exists before the app does, so that its rights are there when the app
// first starts.

@description('Name of the identity.')
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: name
  location: location
  tags: tags
}

@description('Resource id, by which the app is given the identity.')
output id string = identity.id

@description('Client id, by which the app names the identity when it asks for tokens.')
output clientId string = identity.properties.clientId

@description('Object id, which roles are assigned to, and subject of the federated credential.')
output principalId string = identity.properties.principalId
