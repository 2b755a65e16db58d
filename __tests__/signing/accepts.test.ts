import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { acceptsSigned } from '../../lib/signing/accepts.js';
import { raw, serving } from '../support/http.js';

const JWT = 'application/token-introspection+jwt';
const app = express().get('/', (req, res) => void res.json(acceptsSigned(req)));

describe('acceptsSigned', () => {
  it.each([
    [JWT, true],
    ['APPLICATION/Token-Introspection+JWT', true],
    [`${JWT};q=0.001`, true],
    [`${JWT}, application/json;q=0.9`, true],
    [`application/json;q=0.9, ${JWT}`, true],
    [`${JWT};q=0.5, application/json;q=0.4`, true],
    [`${JWT};q=0.5, application/json;q=0`, true],
    [`${JWT};q=0.5, */*;q=0.1`, true],
    [`${JWT}, */*`, true],
    [`*/*, ${JWT}`, true],
    [`${JWT}, application/*`, true],
    [`${JWT}, application/json`, true],
    [`text/html, ${JWT};q=0.2`, true],
    ['application/json;q=0, */*', true],
    [undefined, false],
    ['', false],
    ['*/*', false],
    ['application/*', false],
    ['*/*;q=0.1', false],
    ['application/json', false],
    ['application/json, text/plain, */*', false],
    [`application/json, ${JWT}`, false],
    [`${JWT};q=0.5, application/json`, false],
    [`application/json, ${JWT};q=0.999`, false],
    [`${JWT};q=0.1, */*;q=0.5`, false],
    [`${JWT};q=0, */*`, false],
    [`${JWT};q=0`, false],
    [`${JWT};q=0.0, application/json;q=0.1`, false],
    [`${JWT};q=x`, false],
    [`${JWT};q=-1`, false],
    [`${JWT};charset=utf-8`, false],
    ['application/jwt', false],
    ['application/token-introspection', false],
    ['text/html', false],
    ['application/json;q=0', false],
    [`"${JWT}"`, false],
    [';;;,,"', false],
  ])('J-01 by %p: %p', async (accept, signed) => {
    const asked = request(app).get('/');
    expect((await (accept === undefined ? asked : asked.set('Accept', accept))).body).toBe(signed);
  });

  it('J-01 reads several Accept lines as one', async () => {
    await serving(app, async (origin) => {
      const headers = ['Accept', `application/json;q=0.5`, 'Accept', JWT];
      expect((await raw(origin, { method: 'GET', path: '/', headers })).body).toBe('true');
    });
  });
});
