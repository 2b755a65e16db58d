/*
 * Who and what the examples are about. They hold for a server on which all of this is so: two APIs, two apps, a support desk,
 * and tokens that were issued to the apps for Alice.
 */

/** A protected resource, and its secret. */
export const ORDERS_API = 'orders-api';
export const ORDERS_API_SECRET = 'example-client-secret';
/** What it is called in `aud`. */
export const ORDERS_RESOURCE = 'https://api.example.com';
/** A confidential client. */
export const SHOP = 'shop';
/** A public client. */
export const SHOP_MOBILE = 'shop-mobile';
/** Whose calls change tokens. */
export const SUPPORT_DESK = 'desk';
export const ORGANIZATION = 'example-org';

export const ACCESS_TOKEN = 'example-access-token';
export const REFRESH_TOKEN = 'example-refresh-token';
export const MOBILE_REFRESH_TOKEN = 'example-mobile-refresh-token';
export const UNKNOWN_TOKEN = 'example-unknown-token';

export const SUBJECT = 'alice';
export const APP_ID = 'example-app-1';
export const SCOPES: readonly string[] = ['orders:read', 'orders:write'];

/** Seconds since 1970. */
export const ISSUED_AT = 1_790_000_000;
export const ACCESS_EXPIRES_AT: number = ISSUED_AT + 3600;
export const REFRESH_EXPIRES_AT: number = ISSUED_AT + 86_400;

export const REQUEST_ID = 'example-request-1';

/** The public half of the key of RFC 7517, Appendix A. */
export const PUBLISHED_KEY: Readonly<Record<string, string>> = {
  kty: 'EC',
  crv: 'P-256',
  x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
  kid: 'example-key',
  alg: 'ES256',
  use: 'sig',
};
