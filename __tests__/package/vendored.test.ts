import { describe, expect, it } from '@jest/globals';
import { ledToCopies, packagesOf } from '../../scripts/vendored.mjs';

const lazily = (name: string): string =>
  `const jose = await Promise.resolve().then(() => __importStar(require(${name})));`;

describe('the CommonJS build', () => {
  it.each([
    ['index.js', './vendor/jose/index.js'],
    ['clients/client-assertion.js', '../vendor/jose/index.js'],
    ['guard/dpop/proof.js', '../../vendor/jose/index.js'],
  ])('ecosystem/02 leads %s to the copy of a package that is nothing but ES modules', (file, copy) => {
    expect(ledToCopies(lazily("'jose'"), file, ['jose'])).toBe(lazily(`'${copy}'`));
    expect(ledToCopies(lazily('"jose"'), file, ['jose'])).toBe(lazily(`"${copy}"`));
  });

  it.each([
    "require('jose-browser')",
    "require('jose/errors')",
    "require('./jose')",
    "require('passport')",
    'require(jose)',
    "prerequire('jose')",
    "// 'jose'",
  ])('leaves %s as it is', (code) => {
    expect(ledToCopies(code, 'index.js', ['jose'])).toBe(code);
  });

  it('knows each package that a file loads, once, and no file of ours or module of Node', () => {
    const code = ['express', './a.js', '../b.js', 'node:fs', '@opentelemetry/api', 'express', 'jose/x']
      .map((name) => `require("${name}");`)
      .join('\n');
    expect(packagesOf(code)).toStrictEqual(['express', '@opentelemetry/api', 'jose/x']);
  });
});
