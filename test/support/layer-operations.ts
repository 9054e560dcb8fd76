// The operations of layers, with one good input each.
import { code, page, type Operation } from './lambda-operation.ts'

/** With one file of one byte. */
const smallZip =
  'UEsDBBQAAAAAAAAAIQC379yDAQAAAAEAAAABAAAAYTFQSwECFAMUAAAAAAAAACEAt+/cgwEAAAABAAAAAQAAAAAAAAAAAAAAgAEAAAAAYVBLBQYAAAAAAQABAC8AAAAgAAAAAAA='
const layerVersions = '/2018-10-31/layers/{LayerName}/versions'
const layerPage = {
  ...page,
  CompatibleRuntime: 'CompatibleRuntime',
  CompatibleArchitecture: 'CompatibleArchitecture',
}
const layerName = { LayerName: 'tools' }

export const layerOperations: Readonly<Record<string, Operation>> = {
  PublishLayerVersion: {
    method: 'POST',
    path: layerVersions,
    members: {
      Content: code,
      Description: 'text',
      LicenseInfo: 'text',
      CompatibleRuntimes: 'list',
      CompatibleArchitectures: 'list',
    },
    good: { ...layerName, Content: { ZipFile: smallZip } },
  },
  GetLayerVersion: {
    method: 'GET',
    path: `${layerVersions}/{VersionNumber}`,
    good: { ...layerName, VersionNumber: 1 },
  },
  GetLayerVersionByArn: {
    method: 'GET',
    path: '/2018-10-31/layers?find=LayerVersion',
    query: { Arn: 'Arn' },
    good: { Arn: 'arn:aws:lambda:us-east-1:000000000000:layer:tools:1' },
  },
  ListLayers: { method: 'GET', path: '/2018-10-31/layers', query: layerPage, good: {} },
  ListLayerVersions: { method: 'GET', path: layerVersions, query: layerPage, good: layerName },
  DeleteLayerVersion: {
    method: 'DELETE',
    path: `${layerVersions}/{VersionNumber}`,
    good: { ...layerName, VersionNumber: 2 },
  },
}
