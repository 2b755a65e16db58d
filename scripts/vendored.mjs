import { posix } from 'node:path';

/** A package that is loaded by `require`, as TypeScript writes it. */
const REQUIRED = /\brequire\((["'])([^"'\n]+)\1\)/g;

/**
 * The code of a CommonJS file of ours, with each `require` of a vendored package led to the copy
 * in `vendor/`.
 *
 * @param {string} code
 * @param {string} file the path of the file below the root of the build, with slashes
 * @param {readonly string[]} vendored the names of the packages
 * @returns {string}
 */
export function ledToCopies(code, file, vendored) {
  return code.replace(REQUIRED, (call, quote, name) =>
    vendored.includes(name)
      ? `require(${quote}${posix.relative(posix.dirname(`/${file}`), `/vendor/${name}/index.js`).replace(/^(?!\.)/, './')}${quote})`
      : call,
  );
}

/**
 * The packages that a CommonJS file loads: no files of ours, no modules of Node.
 *
 * @param {string} code
 * @returns {string[]}
 */
export function packagesOf(code) {
  const names = [...code.matchAll(REQUIRED)].map(([, , name]) => name);
  return [...new Set(names.filter((name) => !/^(?:\.|node:)/.test(name)))];
}
