import { createHash, randomBytes } from 'node:crypto';
import { SECRET } from './fixture.js';

/** What `generateClientSecret` would keep for the benchmark's caller, whose secret has to be known beforehand. */
export function hashOfSecret() {
  const salt = randomBytes(16);
  const hash = createHash('sha256').update(salt).update(SECRET).digest();
  return `$sha256$${unpadded(salt)}$${unpadded(hash)}`;
}

function unpadded(bytes) {
  return bytes.toString('base64').replace(/=+$/, '');
}
