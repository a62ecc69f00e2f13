// Logs and metrics. Nobody writes or reads them by a key.

@description('Name of the Log Analytics workspace.')
param workspaceName string

@description('Name of the Application Insights component.')
param componentName string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Object id of the app\'s identity.')
param principalId string

@description('How long logs are kept, in days.')
param retentionDays int

@description('How much may be taken in a day, in GB; -1 for no limit.')
param dailyQuotaGb int

@description('Who gets a mail when an alert fires, comma-separated; empty for nobody.')
param alertEmails string = ''

@description('Where alerts say that their runbook is: the path, or the URL, of docs/operations.md.')
param runbook string = 'docs/operations.md'

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    workspaceCapping: {
      dailyQuotaGb: dailyQuotaGb
    }
    features: {
      disableLocalAuth: true
    }
  }
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: componentName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

// Monitoring Metrics Publisher: the app sends its telemetry with a token.
var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

resource publisher 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(component.id, principalId, metricsPublisher)
  scope: component
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisher)
  }
}

module alerts 'monitoring-alerts.bicep' = {
  name: 'monitoring-alerts'
  params: {
    location: location
    tags: tags
    workspaceId: workspace.id
    emails: alertEmails
    runbook: runbook
  }
}

module workbook 'monitoring-workbook.bicep' = {
  name: 'monitoring-workbook'
  params: {
    location: location
    tags: tags
    workspaceId: workspace.id
  }
}

@description('Where telemetry goes. Says where, and lets nobody in: authentication by key is off.')
output connectionString string = component.properties.ConnectionString
