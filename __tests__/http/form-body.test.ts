import { describe, expect, it } from '@jest/globals';
import express from 'express';
import fc from 'fast-check';
import { formBody } from '../../lib/http/form-body.js';
import type { HttpError } from '../../lib/http/http-error.js';
import { FORM, raw, serving } from '../support/http.js';

/** The parameters that the server reads, or the status with which it refuses. */
const app = express();
app.post('/', async (req, res) => {
  try {
    res.json([...(await formBody(req, res))]);
  } catch (error) {
    res.status((error as HttpError).status).end();
  }
});

describe('formBody', () => {
  it('I-05 property: reads the form as WHATWG URL does, drops empty values, refuses repeated names', async () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 8 })
      .filter((text) => !/[[\]]/.test(text) && text !== '__proto__');
    const pairs = fc.array(fc.tuple(name, fc.string({ unit: 'grapheme', maxLength: 12 })), { maxLength: 6 });
    await serving(app, async (origin) => {
      await fc.assert(
        fc.asyncProperty(pairs, async (parameters) => {
          const body = new URLSearchParams(parameters).toString();
          const answer = await raw(origin, { path: '/', headers: FORM, body });
          if (new Set(parameters.map(([key]) => key)).size < parameters.length) {
            expect(answer.status).toBe(400);
          } else {
            const expected = [...new URLSearchParams(body)].filter(([, value]) => value !== '');
            expect(new Map(JSON.parse(answer.body) as [string, string][])).toStrictEqual(new Map(expected));
          }
        }),
        { numRuns: 500 },
      );
    });
  });

  it('property: whatever the bytes, answers 200 or 4xx', async () => {
    await serving(app, async (origin) => {
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (body) => {
          const { status } = await raw(origin, { path: '/', headers: FORM, body });
          expect([200, 400, 413]).toContain(status);
        }),
        { numRuns: 500 },
      );
    });
  });
});
