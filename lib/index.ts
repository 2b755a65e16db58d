export { type AccessTokenDetailsOptions, accessTokenDetails } from './apis/access-token-details.js';
export type { ApiOptions } from './apis/api-options.js';
export type { AssertionOptions } from './apis/client-authentication-options.js';
export type { ManagementOptions } from './apis/management-options.js';
export { authorizationServerMetadata } from './apis/metadata.js';
export {
  type OAuthGatewayOptions,
  type OAuthIntrospectionOptions,
  oauthIntrospection,
} from './apis/oauth-introspection.js';
export {
  type ProtectedResourceMetadataOptions,
  protectedResourceMetadata,
  resourceMetadataUrl,
} from './apis/protected-resource-metadata.js';
export { refreshTokenIntrospection } from './apis/refresh-token-introspection.js';
export { type TokenRevocationOptions, tokenRevocation } from './apis/revocation.js';
export {
  type CertificateHeaderForm,
  type CertificateHeaderOptions,
  certificateFromHeader,
} from './clients/certificate-header.js';
export type { ClientCertificate, ClientCertificateSource } from './clients/certificate-source.js';
export type { Client, ClientStore, ManagementRight } from './clients/client.js';
export type { ClientAuthMethod } from './clients/client-authentication.js';
export { generateClientSecret, hashClientSecret } from './clients/client-secret.js';
export { MemoryClientStore, type MemoryClientStoreOptions } from './clients/memory-client-store.js';
export { type ActiveToken, activeToken } from './guard/active-token.js';
export type { CertificateSource } from './guard/certificate.js';
export type { DPoPOptions } from './guard/dpop/dpop-options.js';
export type { GuardAudit, GuardEvent } from './guard/guard-audit.js';
export { GuardError, type GuardReason } from './guard/guard-error.js';
export type { RequireActiveTokenOptions } from './guard/guard-options.js';
export type { GuardRateLimitOptions } from './guard/inactive-limit.js';
export { requireActiveToken } from './guard/require-active-token.js';
export type { ApiName, Audit, AuditEvent, Fault, InactiveReason, ManagementAction } from './http/audit.js';
export { HttpError, type HttpErrorCode, type HttpHeaders } from './http/http-error.js';
export type { RateLimit, RateLimitOptions, RateLimitPart } from './http/throttle.js';
export {
  type CachingIntrospector,
  type CachingStats,
  cachingIntrospector,
} from './introspection/caching/caching-introspector.js';
export type { BreakerOptions, CachingIntrospectorOptions } from './introspection/caching/caching-options.js';
export type { BreakerState } from './introspection/caching/circuit-breaker.js';
export type { SharedCache } from './introspection/caching/shared-answers.js';
export type { InactivityReason, NearMiss } from './introspection/inactivity.js';
export {
  IntrospectionUnavailableError,
  type UnavailableReason,
} from './introspection/introspection-unavailable.js';
export type {
  ActiveResponse,
  InactiveResponse,
  IntrospectionResponse,
  IntrospectOptions,
  Introspector,
} from './introspection/introspector.js';
export { jwtIntrospector } from './introspection/jwt/jwt-introspector.js';
export type { JwtIntrospectorOptions } from './introspection/jwt/jwt-options.js';
export {
  type PairwiseOptions,
  type PairwiseSubjectOptions,
  pairwiseSubject,
} from './introspection/pairwise.js';
export { type AccessPolicy, defaultPolicy, type TokenView } from './introspection/policy.js';
export { remoteIntrospector } from './introspection/remote/remote-introspector.js';
export type { RemoteIntrospectorOptions } from './introspection/remote/remote-options.js';
export {
  type RoutingIntrospectorOptions,
  routingIntrospector,
} from './introspection/routing-introspector.js';
export { type StoreIntrospectorOptions, storeIntrospector } from './introspection/store-introspector.js';
export type { OpenApiInfo, OpenApiOptions, OpenApiServer } from './openapi/openapi-options.js';
export type { ReplayMemory } from './replay-memory.js';
export {
  type IntrospectionGatewayOptions,
  type IntrospectionRouterOptions,
  introspectionRouter,
} from './router.js';
export type { AnswerKey, ExternalSigningKey, HeldSigningKey } from './signing/key-forms.js';
export type { PrivateJwk } from './signing/signing-key.js';
export type { TelemetryOptions } from './telemetry/telemetry.js';
export { MemoryTokenStore, type MemoryTokenStoreOptions } from './tokens/memory-token-store.js';
export { ConflictError, NotFoundError, StoreUnavailableError } from './tokens/store-errors.js';
export { tokenDigest } from './tokens/token-digest.js';
export { type GenerateTokenOptions, generateToken, type TokenFormatOptions } from './tokens/token-format.js';
export type { Confirmation, TokenKind, TokenRecord } from './tokens/token-record.js';
export type {
  ManagedTokenStore,
  NewToken,
  TokenChanges,
  TokenSelector,
  TokenStore,
  UpdatableMember,
} from './tokens/token-store.js';
