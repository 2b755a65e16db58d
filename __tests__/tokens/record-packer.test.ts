import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { lifeOf, RecordPacker } from '../../lib/tokens/record-packer.js';
import type { TokenRecord } from '../../lib/tokens/token-record.js';
import { tokenState } from '../../lib/tokens/token-state.js';

const RECORD: TokenRecord = {
  kind: 'access_token',
  clientId: 'app',
  status: 'approved',
  issuedAt: 1_700_000_000_000,
  createdAt: 1_700_000_000_000,
  lastModifiedAt: 1_700_000_000_000,
  scope: ['read'],
  audience: [],
};

describe('RecordPacker', () => {
  it('property: gives back each record as it was, and its life without unpacking it', () => {
    const time = fc.oneof(
      fc.integer({ min: 0, max: 4_102_444_800_000 }),
      fc.double({ min: 0, max: 1e15, noNaN: true }),
      fc.constantFrom(
        0,
        1,
        RECORD.issuedAt,
        RECORD.issuedAt + 2 ** 30,
        RECORD.issuedAt + 2 ** 30 - 1,
        2 ** 53,
      ),
    );
    const json = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean()), {
      noNullPrototype: true,
    });
    const record = fc.record(
      {
        kind: fc.constantFrom('access_token', 'refresh_token'),
        clientId: fc.string({ minLength: 1 }),
        status: fc.constantFrom('approved', 'revoked'),
        scope: fc.array(fc.string()),
        audience: fc.array(fc.string()),
        issuedAt: time,
        createdAt: time,
        lastModifiedAt: time,
        expiresAt: time,
        notBefore: time,
        authTime: time,
        subject: fc.string({ minLength: 1 }),
        username: fc.string(),
        jti: fc.string({ minLength: 1 }),
        grantId: fc.string({ minLength: 1 }),
        organization: fc.string({ minLength: 1 }),
        attributes: fc.array(fc.record({ name: fc.string(), value: fc.string() }, { noNullPrototype: true })),
        claims: json,
        actor: json,
        confirmation: json,
        authorizationDetails: fc.array(json),
      },
      {
        noNullPrototype: true,
        requiredKeys: [
          'kind',
          'clientId',
          'status',
          'scope',
          'audience',
          'issuedAt',
          'createdAt',
          'lastModifiedAt',
        ],
      },
    );
    fc.assert(
      fc.property(fc.array(record, { maxLength: 5 }), time, (records, now) => {
        const packer = new RecordPacker();
        const packed = records.map((each) => packer.pack(each as TokenRecord));
        packed.forEach((each, i) => {
          const original = records[i] as TokenRecord;
          expect(packer.unpack(each)).toStrictEqual(original);
          expect(lifeOf(each).lastModifiedAt).toBe(original.lastModifiedAt);
          expect(tokenState(lifeOf(each), now)).toBe(tokenState(original, now));
        });
        for (const each of packed) packer.release(each);
        expect(packer.size).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps nothing beside its fields for a record of which the rest follows from them', () => {
    const packer = new RecordPacker();
    const plain = { ...RECORD, subject: 'alice' };
    for (const record of [plain, { ...plain, expiresAt: RECORD.issuedAt + 3_600_000 }]) {
      expect(packer.pack(record).more).toBeUndefined();
      expect(packer.pack({ ...record, jti: 'x' }).more).toStrictEqual({ jti: 'x' });
    }
    expect(packer.pack({ ...RECORD, expiresAt: RECORD.issuedAt }).more).toBeUndefined();
    expect(packer.pack({ ...RECORD, lastModifiedAt: RECORD.issuedAt + 1 }).more).toStrictEqual({
      lastModifiedAt: RECORD.issuedAt + 1,
    });
  });

  it('keeps once what many records have in common, for as long as one of them is kept', () => {
    const packer = new RecordPacker();
    const packed = Array.from({ length: 100 }, (_, i) =>
      packer.pack({ ...RECORD, subject: `user-${i}`, jti: `${i}`, expiresAt: RECORD.issuedAt + i }),
    );
    expect(packer.size).toBe(1);
    const other = packer.pack({ ...RECORD, scope: ['write'] });
    expect(packer.size).toBe(2);
    packer.release(other);
    for (const each of packed.slice(1)) packer.release(each);
    expect(packer.size).toBe(1);
    const [first] = packed;
    expect(first && packer.unpack(first)).toMatchObject({ subject: 'user-0', scope: ['read'] });
  });

  it('shares a bounded number of templates, and packs all others as well', () => {
    const packer = new RecordPacker();
    const records = Array.from({ length: 10_010 }, (_, i) => ({ ...RECORD, appId: `app-${i}` }));
    const packed = records.map((record) => packer.pack(record));
    expect(packer.size).toBe(10_000);
    for (const [i, each] of packed.entries()) expect(packer.unpack(each)).toStrictEqual(records[i]);
    for (const each of packed) packer.release(each);
    expect(packer.size).toBe(0);
  });
});
