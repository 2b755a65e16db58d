export { type DescribeTokenStoreOptions, describeTokenStore } from './describe-token-store.js';
export type { OpenStore, StoreCapabilities, StoreOptions, StoreUnderTest, TestRunner } from './suite.js';
