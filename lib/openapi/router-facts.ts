import type { ManagementRight } from '../clients/client.js';
import type { OpenApiSettings } from './openapi-options.js';
import type { ApiDescription } from './types.js';

/** What the document depends on: what a router has mounted, and how. */
export interface RouterFacts {
  readonly issuer: string;
  /** The URL under which clients reach the router; absent where nothing says. */
  readonly baseUrl: string | undefined;
  readonly realm: string;
  readonly requireTls: boolean;
  /** Whether anything is throttled. */
  readonly isThrottled: boolean;
  /** How clients may prove who they are at the OAuth endpoints, by the names of RFC 8414 §2. */
  readonly methods: readonly string[];
  /** By which their assertions may be signed. */
  readonly algorithms: readonly string[];
  /** The scope that the token of a Bearer caller needs. */
  readonly introspectionScope: string;
  /** Whether answers are signed; `changing`: with keys that a function tells, which may fail. */
  readonly keys: 'none' | 'constant' | 'changing';
  /** What only a router over a store has: of a gateway, nothing. */
  readonly store: StoreFacts | undefined;
}

export interface StoreFacts {
  /** Whether tokens can be revoked. */
  readonly revokes: boolean;
  /** Where the metadata is, at the root of the host of the issuer; absent where none is served. */
  readonly metadataPath: string | undefined;
  readonly scopeSeparator: string;
  readonly notFoundCode: string;
  /** Whether tokens can be revoked by app and user in one organization. */
  readonly revokesMatching: boolean;
  /** What may be done with tokens beside reading. */
  readonly management: ReadonlySet<ManagementRight>;
}

/** Describes one API as a router has it; `undefined` where it has not. */
export type DescribeApi = (facts: RouterFacts, settings: OpenApiSettings) => ApiDescription | undefined;
