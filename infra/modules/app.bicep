// The function app on its plan, Flex Consumption, which is nothing while nothing is to be done.

@description('Name of the function app.')
param name string

@description('Name of its plan.')
param planName string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Resource id of the app\'s identity.')
param identityId string

@description('URL of the container that the deployed package is in.')
param packageUri string

@description('Application settings.')
param settings object

@description('Memory of an instance, in MB.')
param instanceMemoryMB int

@description('How many instances there may be.')
param maximumInstances int

@description('How many instances for HTTP are kept ready, and paid for, all the time.')
param alwaysReadyHttpInstances int

@description('How many requests an instance serves at a time; its threads.')
param httpConcurrency int

@description('Resource id of the subnet for outgoing calls; empty for none.')
param subnetId string

@description('Client id of the application that callers get Microsoft Entra tokens for; empty for none.')
param callersClientId string

// Checkov takes settings and authentication for a site's configuration, and misses in them:
// checkov:skip=CKV_AZURE_13: authentication is authsettingsV2 itself, and keys guard the app without it
// checkov:skip=CKV_AZURE_63: Application Insights has every request
// checkov:skip=CKV_AZURE_65: the host has no error pages, and answers tell callers no details
// checkov:skip=CKV_AZURE_66: it is a matter of Windows; Application Insights has what failed
// checkov:skip=CKV_AZURE_80: nothing in it runs on .NET Framework
// checkov:skip=CKV_AZURE_88: nothing is kept in files, and Azure Files would need a key
// checkov:skip=CKV_AZURE_222: release systems and webhooks call over the internet

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  // checkov:skip=CKV_AZURE_225: needs instances that are always ready; requests wait on the queue
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    tier: 'FlexConsumption'
    name: 'FC1'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  // checkov:skip=CKV_AZURE_17: callers prove themselves by key, token or signature
  // checkov:skip=CKV_AZURE_78: the plan has no FTP, and its newer regions refuse to be told so
  // checkov:skip=CKV_AZURE_212: the plan has no instances while nothing is to be done
  // checkov:skip=CKV_AZURE_213: the plan has no health checks; the app checks itself every hour
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'cancel' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageUri
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstances
        alwaysReady: alwaysReadyHttpInstances > 0
          ? [
              {
                name: 'http'
                instanceCount: alwaysReadyHttpInstances
              }
            ]
          : []
        triggers: {
          http: {
            perInstanceConcurrency: httpConcurrency
          }
        }
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      remoteDebuggingEnabled: false
    }
  }

  resource appSettings 'config' = {
    name: 'appsettings'
    properties: settings
  }

  // Deployments come with a Microsoft Entra token; there is no password to publish with.
  resource scmPasswords 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: {
      allow: false
    }
  }
}

// App Service authentication, so that the app knows who calls. Webhooks have no token: they come
// through, and prove themselves by their signatures; the app answers all others with 401.
resource authentication 'Microsoft.Web/sites/config@2024-04-01' = if (!empty(callersClientId)) {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: false
      unauthenticatedClientAction: 'AllowAnonymous'
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: callersClientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${subscription().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [
            callersClientId
            'api://${callersClientId}'
          ]
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
}

@description('Name of the function app.')
output name string = app.name

@description('Where the app is called.')
output url string = 'https://${app.properties.defaultHostName}'
