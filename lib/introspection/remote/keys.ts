import { IntrospectionUnavailableError } from '../introspection-unavailable.js';
import { Deadline } from './deadline.js';
import { type DiscoverySettings, getDocument } from './metadata.js';
import { bareCause } from './transport-error.js';

/** What is needed to get keys; `timeout` is in milliseconds. */
export type KeysSettings = Pick<DiscoverySettings, 'transport' | 'timeout' | 'clock'>;

/**
 * The document (RFC 7517 §5) at `jwks_uri`, with a deadline of its own: whoever waits for it
 * may go without ending it for the others.
 *
 * @throws IntrospectionUnavailableError `timeout`, or `discovery` for any other reason
 */
export async function getKeys(settings: KeysSettings, url: string): Promise<unknown> {
  const deadline = new Deadline(settings.timeout);
  try {
    return await getDocument(settings, url, deadline);
  } catch (error) {
    throw noKeys(error);
  } finally {
    deadline.release();
  }
}

/** The keys are not there, or cannot be read. Quotes nothing of what was thrown but our own errors. */
export function noKeys(error: unknown): IntrospectionUnavailableError {
  const message = 'The keys of the authorization server cannot be had, or are not usable';
  if (!(error instanceof IntrospectionUnavailableError)) {
    return new IntrospectionUnavailableError('discovery', message, { cause: bareCause(error) });
  }
  if (error.reason === 'timeout') return error;
  return new IntrospectionUnavailableError('discovery', message, {
    cause: error,
    retryAfter: error.retryAfter,
  });
}
