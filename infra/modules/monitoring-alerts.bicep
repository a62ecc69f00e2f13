// Who is told of what. Each rule asks the events that the app writes (docs/operations.md), and has a
// section there that says what to do. How often a rule runs decides what it costs.

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Id of the Log Analytics workspace.')
param workspaceId string

@description('Who gets a mail, comma-separated; empty for nobody: alerts are seen in the portal then.')
param emails string

@description('Where the runbook is: the path, or the URL, of docs/operations.md.')
param runbook string

var receivers = union(filter(map(split(emails, ','), each => trim(each)), each => !empty(each)), [])

var rules = [
  {
    name: 'poison'
    title: 'A message is on a poison queue'
    severity: 1
    every: 'PT15M'
    window: 'PT15M'
    query: loadTextContent('monitoring/poison.kql')
  }
  {
    name: 'oldest-too-old'
    title: 'A request has waited for an hour'
    severity: 1
    every: 'PT15M'
    window: 'PT15M'
    query: loadTextContent('monitoring/oldest-too-old.kql')
  }
  {
    name: 'poller-silent'
    title: 'The poller has been silent for five minutes'
    severity: 0
    every: 'PT5M'
    window: 'PT5M'
    query: loadTextContent('monitoring/poller-silent.kql')
  }
  {
    name: 'credentials-refused'
    title: 'Partner Center refuses the app\'s credentials'
    severity: 1
    every: 'PT15M'
    // It takes two: the last but one of the hourly checks must not fall out before the next has come.
    window: 'PT3H'
    query: loadTextContent('monitoring/credentials-refused.kql')
  }
  {
    name: 'mail-failing'
    title: 'Mails do not get out'
    severity: 1
    every: 'PT15M'
    // The hourly check must not fall out of it before it has come again.
    window: 'PT2H'
    query: loadTextContent('monitoring/mail-failing.kql')
  }
]

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(receivers)) {
  name: 'offer-cancel-operators'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'OfferCancel'
    enabled: true
    emailReceivers: map(receivers, address => {
      name: address
      emailAddress: address
      useCommonAlertSchema: true
    })
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = [for rule in rules: {
  name: 'offer-cancel-${rule.name}'
  location: location
  tags: tags
  properties: {
    displayName: 'Offer Cancel: ${rule.title}'
    description: 'What it means, what to look at and what to do: ${runbook}#alert-${rule.name}'
    severity: rule.severity
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: rule.every
    windowSize: rule.window
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    // In a workspace that nothing was sent to yet the table has no columns.
    skipQueryValidation: true
    actions: {
      actionGroups: empty(receivers) ? [] : [group.id]
      customProperties: {
        runbook: '${runbook}#alert-${rule.name}'
      }
    }
  }
}]
