// What a person looks at: how much there is to do, how long it takes, what fails, one request's story.

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Id of the Log Analytics workspace.')
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspaceId, 'offer-cancel')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Offer Cancel'
    category: 'workbook'
    version: '1.0'
    sourceId: workspaceId
    serializedData: replace(loadTextContent('../workbook.json'), '{workspace}', workspaceId)
  }
}
