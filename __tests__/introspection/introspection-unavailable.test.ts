import { describe, expect, it } from '@jest/globals';
import { IntrospectionUnavailableError, remoteIntrospector } from '../../lib/index.js';
import { json, optionsFor, rejection, upstream } from '../support/scripted-server.js';

describe('IntrospectionUnavailableError', () => {
  it.each([
    [302, 'status'],
    [400, 'status'],
    [401, 'our_credentials'],
    [403, 'our_credentials'],
    [429, 'rate_limited'],
    [500, 'status'],
    [502, 'status'],
    [503, 'status'],
    [504, 'status'],
  ])('guard/07 tells the status that a server responded with: %s', async (status, reason) => {
    const server = await upstream(json({}, status));
    const error = await rejection(remoteIntrospector(optionsFor(server)).introspect('t'));
    expect(error).toBeInstanceOf(IntrospectionUnavailableError);
    expect(error).toMatchObject({ reason, status });
  });

  it('tells the 400 by which a server refuses us', async () => {
    const server = await upstream(json({ error: 'invalid_client' }, 400));
    expect(await rejection(remoteIntrospector(optionsFor(server)).introspect('t'))).toMatchObject({
      reason: 'our_credentials',
      status: 400,
    });
  });

  it('tells none if there was none', async () => {
    const server = await upstream(json({ active: 'yes' }));
    const introspector = remoteIntrospector(optionsFor(server));
    expect(await rejection(introspector.introspect('t'))).toMatchObject({
      reason: 'malformed_answer',
      status: undefined,
    });
    await server.stop();
    expect(await rejection(introspector.introspect('t'))).toMatchObject({
      reason: 'connection',
      status: undefined,
    });
    expect(new IntrospectionUnavailableError('timeout', 'no').status).toBeUndefined();
  });
});
