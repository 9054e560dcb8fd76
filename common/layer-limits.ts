// Bounds on the layers of functions.

/** Lambda: layers of one function. */
export const functionLayersMax = 5

/** Lambda: what ListLayers and ListLayerVersions give at most a page. */
export const layersPageMax = 50

/** Lambda bounds the room of all code alone. Each layer is a file, read at every look at all of them. */
export const layersMax = 1000

/** All versions of a layer are in its one file. */
export const layerVersionsMax = 1000
