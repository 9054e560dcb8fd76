// Which data source the boards ask: a variable, so that they work in a Grafana that is not ours.
export const datasource = { type: 'prometheus', uid: '${datasource}' }
