import { MemoryTokenStore } from '../../lib/index.js';
import { describeTokenStore } from '../../lib/testing/index.js';

describeTokenStore('MemoryTokenStore', (options) => new MemoryTokenStore(options), {
  capabilities: { clock: true, approve: true, remove: true, revokeMatching: true },
});
