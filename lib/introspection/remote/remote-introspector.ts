import { isThenable } from '../../thenable.js';
import { isTokenSyntax } from '../../tokens/token-digest.js';
import { inactive } from '../inactivity.js';
import type { IntrospectionResponse, Introspector } from '../introspector.js';
import { readAnswer } from './answer.js';
import { Deadline } from './deadline.js';
import { KeySet } from './key-set.js';
import { Discovery, namedTarget } from './metadata.js';
import type { AuthorizationServer, ServerMetadata } from './oauth-types.js';
import { type RemoteIntrospectorOptions, type RemoteSettings, remoteSettings } from './remote-options.js';
import { isSignedAnswer, SignedAnswers } from './signed-answer.js';
import { type Answer, type Target, target, withOneRetry } from './transport.js';
import { UpstreamProbe } from './upstream-probe.js';

/** Where to ask, and what is known of whom. */
interface Server {
  readonly metadata: ServerMetadata;
  readonly endpoint: Target;
}

/**
 * An introspector that asks another server's introspection endpoint (RFC 7662).
 *
 * It resolves to what the server says of a token, with scope, audience and times in the
 * form of RFC 7662 whatever form the server gave them, frozen all the way down. Whatever is
 * no such answer, a refusal of our own credentials included, rejects with
 * `IntrospectionUnavailableError`: it never counts as an inactive token. What cannot be a
 * token is inactive without a question. With `options.signal`, the question ends with the
 * signal's reason.
 *
 * Connections are kept alive between questions, and do not keep the process alive.
 *
 * @throws TypeError that names a bad, missing or unknown option
 */
export function remoteIntrospector(options: RemoteIntrospectorOptions): Introspector {
  const settings = remoteSettings(options);
  const { timeout, clock, parameters } = settings;
  const location = serverOf(settings);
  const signed = location instanceof Discovery ? signedAnswers(settings, location) : undefined;
  const probe = new UpstreamProbe(settings.telemetry, 'introspect', configuredUrl(settings));
  const question = async (asked: string, signal?: AbortSignal): Promise<IntrospectionResponse> => {
    const deadline = new Deadline(timeout, signal);
    try {
      const server = location instanceof Discovery ? await found(location, deadline) : location;
      const answer = await ask(settings, server, asked, deadline);
      return signed ? await deadline.race(signed.read(answer, server.metadata)) : readAnswer(answer, clock());
    } finally {
      deadline.release();
    }
  };
  return {
    async introspect(token, { hint, signal } = {}) {
      if (!isTokenSyntax(token)) return inactive('malformed');
      if (isSignedAnswer(token)) return inactive('wrong_type');
      return probe.run(
        () => question(form(token, hint ?? parameters.hint) + parameters.end, signal),
        stateOf,
        signal,
      );
    },
  };
}

function signedAnswers(settings: RemoteSettings, discovery: Discovery<Server>): SignedAnswers | undefined {
  if (!settings.signedResponse) return undefined;
  const probe = new UpstreamProbe(settings.telemetry, 'keys', configuredUrl(settings));
  // There is an answer to verify, so the metadata is known.
  const locate = async (): Promise<string> => (discovery.known as Server).metadata.jwks_uri as string;
  return new SignedAnswers(settings, new KeySet(settings, locate, probe));
}

function stateOf({ active }: IntrospectionResponse): 'active' | 'inactive' {
  return active ? 'active' : 'inactive';
}

function configuredUrl({ location }: RemoteSettings): string {
  return 'issuer' in location ? location.issuer.href : location.endpoint.href;
}

function serverOf(settings: RemoteSettings): Server | Discovery<Server> {
  const { location, signedResponse, allowInsecureRequests: allowHttp } = settings;
  if ('issuer' in location) {
    return new Discovery({ ...settings, issuer: location.issuer }, (metadata) => {
      if (signedResponse) namedTarget(metadata.jwks_uri, 'keys', allowHttp);
      return {
        metadata,
        endpoint: namedTarget(metadata.introspection_endpoint, 'introspection endpoint', allowHttp),
      };
    });
  }
  const endpoint = target(location.endpoint);
  return { metadata: { issuer: endpoint.url }, endpoint };
}

function found(discovery: Discovery<Server>, deadline: Deadline): Server | Promise<Server> {
  return discovery.known ?? deadline.race(discovery.find());
}

/** Every value is form-encoded, so that it stays one value whatever is in it. */
function form(token: string, hint: string | undefined): string {
  const parameters = `token=${encodeURIComponent(token)}`;
  return hint ? `${parameters}&token_type_hint=${encodeURIComponent(hint)}` : parameters;
}

function ask(
  { authentication, transport }: RemoteSettings,
  { metadata, endpoint }: Server,
  parameters: string,
  deadline: Deadline,
): Promise<Answer> {
  return withOneRetry(deadline, async () => {
    // Made for each attempt: a server may take an assertion once only.
    const credentials = authentication(parameters, metadata as AuthorizationServer);
    const { headers, body } = isThenable(credentials) ? await deadline.race(credentials) : credentials;
    return transport.send(endpoint, { method: 'POST', headers, body }, deadline);
  });
}
