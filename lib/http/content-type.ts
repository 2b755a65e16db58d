/** The media type of a `Content-Type`, in lower case, without its parameters (RFC 9110 §8.3.1); empty if there is none. */
export function mediaType(contentType: string = ''): string {
  return (contentType.split(';', 1)[0] as string).trim().toLowerCase();
}

/** Its `charset`, in lower case and without quotes; empty if it has none. */
export function charsetOf(contentType: string): string {
  const [, quoted, plain = ''] = /;\s*charset\s*=\s*(?:"([^"]*)"|([^\s;]*))/i.exec(contentType) ?? [];
  return (quoted ?? plain).trim().toLowerCase();
}
