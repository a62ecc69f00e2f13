// The virtual network that the app's outgoing calls go through, private endpoints of what it calls,
// and the DNS zones that lead there. Requests and webhooks still come in over the internet.

@description('Name of the virtual network.')
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Resource id of the host\'s storage account.')
param hostStorageId string

@description('Resource id of the business storage account.')
param businessStorageId string

@description('Resource id of the Key Vault; empty for none.')
param vaultId string

var addresses = '10.0.0.0/24'
var suffix = environment().suffixes.storage
var storageEndpoints = [
  { name: 'host-blob', id: hostStorageId, group: 'blob', zone: 'privatelink.blob.${suffix}' }
  { name: 'business-queue', id: businessStorageId, group: 'queue', zone: 'privatelink.queue.${suffix}' }
  { name: 'business-table', id: businessStorageId, group: 'table', zone: 'privatelink.table.${suffix}' }
]
var vaultEndpoint = { name: 'vault', id: vaultId, group: 'vault', zone: 'privatelink.vaultcore.azure.net' }
var endpoints = empty(vaultId) ? storageEndpoints : concat(storageEndpoints, [vaultEndpoint])

resource network 'Microsoft.Network/virtualNetworks@2024-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [addresses]
    }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addresses, 26, 0)
          delegations: [
            {
              name: 'flex-consumption'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'private-endpoints'
        properties: {
          addressPrefix: cidrSubnet(addresses, 26, 1)
          privateEndpointNetworkPolicies: 'Disabled'
        }
      }
    ]
  }
}

resource dnsZones 'Microsoft.Network/privateDnsZones@2020-06-01' = [
  for endpoint in endpoints: {
    name: endpoint.zone
    location: 'global'
    tags: tags
  }
]

resource dnsLinks 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = [
  for (endpoint, i) in endpoints: {
    parent: dnsZones[i]
    name: name
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: network.id
      }
    }
  }
]

resource privateEndpoints 'Microsoft.Network/privateEndpoints@2024-01-01' = [
  for endpoint in endpoints: {
    name: endpoint.name
    location: location
    tags: tags
    properties: {
      subnet: {
        id: network.properties.subnets[1].id
      }
      privateLinkServiceConnections: [
        {
          name: endpoint.name
          properties: {
            privateLinkServiceId: endpoint.id
            groupIds: [endpoint.group]
          }
        }
      ]
    }
  }
]

resource dnsRecords 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-01-01' = [
  for (endpoint, i) in endpoints: {
    parent: privateEndpoints[i]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: endpoint.group
          properties: {
            privateDnsZoneId: dnsZones[i].id
          }
        }
      ]
    }
    dependsOn: [dnsLinks]
  }
]

@description('Resource id of the subnet that the app\'s outgoing calls come from.')
output appSubnetId string = network.properties.subnets[0].id
