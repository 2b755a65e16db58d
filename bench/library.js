/** The library as it is built and published. */
export * from '../dist/esm/index.js';
