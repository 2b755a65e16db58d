import { hasMethods, must, STORE } from '../options.js';

/** Checks that one of `introspector` and `tokens` is given, and that it is what it should be. */
export function checkOneSource(
  factory: string,
  { introspector, tokens }: { readonly introspector?: unknown; readonly tokens?: unknown },
): void {
  must(
    (introspector === undefined) !== (tokens === undefined),
    factory,
    'introspector" or "tokens',
    'given, one of them',
  );
  if (tokens !== undefined) must(hasMethods(tokens, 'find'), factory, 'tokens', STORE);
  else
    must(
      hasMethods(introspector, 'introspect'),
      factory,
      'introspector',
      'an object with an introspect method',
    );
}
