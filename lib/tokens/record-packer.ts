import type { TokenRecord } from './token-record.js';

/** The members that many tokens have in common, and how many have them. */
interface Template {
  /** By which it is shared; absent where there were too many to share another. */
  readonly key: string | undefined;
  /** With all members of a full record, so that filling it in never changes its shape. */
  readonly record: Readonly<Record<string, unknown>>;
  uses: number;
}

/** The part of a record that its life depends on. */
export type RecordLife = Pick<TokenRecord, 'status'> & {
  readonly [Time in 'expiresAt' | 'notBefore']: number | undefined;
} & { readonly lastModifiedAt: number };

/** Members that differ from token to token. */
const OWN: ReadonlySet<string> = new Set([
  'issuedAt',
  'expiresAt',
  'notBefore',
  'createdAt',
  'lastModifiedAt',
  'authTime',
  'subject',
  'username',
  'jti',
  'grantId',
  'claims',
  'confirmation',
  'actor',
  'authorizationDetails',
] satisfies (keyof TokenRecord)[]);

/** Where members that many tokens should share are each token's own, more templates would cost more than they save. */
const MAX_TEMPLATES = 10_000;

/** V8 keeps whole numbers of 31 bits within an object, and any other on the heap. */
const SMALL = 2 ** 30;

/** A record in the form in which a store of a million keeps it: what it shares with others is there once. */
export class PackedRecord {
  readonly template: Template;
  readonly issuedAt: number;
  /** Milliseconds from `issuedAt` to `expiresAt`; -1 where that is not so simple. */
  readonly lifetime: number;
  readonly subject: string | undefined;
  /** All other members of its own, where there are any. */
  readonly more: Readonly<Partial<TokenRecord>> | undefined;
  /** The linked refresh token, which only the access token opens. */
  readonly sealed: Buffer | undefined;

  constructor(template: Template, record: TokenRecord, sealed: Buffer | undefined) {
    this.template = template;
    this.issuedAt = record.issuedAt;
    this.lifetime = lifetimeOf(record);
    this.subject = record.subject;
    this.more = moreOf(record);
    this.sealed = sealed;
  }
}

/** Packs records, and unpacks them again. */
export class RecordPacker {
  readonly #templates = new Map<string, Template>();

  /** How many templates are shared. */
  get size(): number {
    return this.#templates.size;
  }

  pack(record: TokenRecord, sealed?: Buffer): PackedRecord {
    const shared: Record<string, unknown> = { issuedAt: 0, createdAt: 0, lastModifiedAt: 0 };
    if (lifetimeOf(record) >= 0) shared.expiresAt = 0;
    if (record.subject !== undefined) shared.subject = '';
    for (const [member, value] of Object.entries(record)) {
      if (!OWN.has(member)) shared[member] = value;
    }
    const key = JSON.stringify(shared);
    let template = this.#templates.get(key);
    if (!template) {
      const isShared = this.#templates.size < MAX_TEMPLATES;
      template = { key: isShared ? key : undefined, record: shared, uses: 0 };
      if (isShared) this.#templates.set(key, template);
    }
    template.uses += 1;
    return new PackedRecord(template, record, sealed);
  }

  /** To be called for each packed record that is kept no longer. */
  release({ template }: PackedRecord): void {
    template.uses -= 1;
    if (template.uses === 0 && template.key !== undefined) this.#templates.delete(template.key);
  }

  unpack({ template, issuedAt, lifetime, subject, more }: PackedRecord): TokenRecord {
    const record: Record<string, unknown> = {
      ...template.record,
      issuedAt,
      createdAt: issuedAt,
      lastModifiedAt: issuedAt,
    };
    if (lifetime >= 0) record.expiresAt = issuedAt + lifetime;
    if (subject !== undefined) record.subject = subject;
    if (more) Object.assign(record, more);
    return record as unknown as TokenRecord;
  }
}

/** What decides about the end of a record, without unpacking the rest of it. */
export function lifeOf({ template, issuedAt, lifetime, more }: PackedRecord): RecordLife {
  return {
    status: template.record.status as TokenRecord['status'],
    expiresAt: lifetime >= 0 ? issuedAt + lifetime : more?.expiresAt,
    notBefore: more?.notBefore,
    lastModifiedAt: more?.lastModifiedAt ?? issuedAt,
  };
}

function lifetimeOf({ issuedAt, expiresAt = -1 }: TokenRecord): number {
  const lifetime = expiresAt - issuedAt;
  const isSimple =
    Number.isSafeInteger(issuedAt) && Number.isSafeInteger(expiresAt) && lifetime >= 0 && lifetime < SMALL;
  return isSimple ? lifetime : -1;
}

function moreOf(record: TokenRecord): Readonly<Partial<TokenRecord>> | undefined {
  const implied = (member: string, value: unknown): boolean => {
    if (member === 'issuedAt' || member === 'subject') return true;
    if (member === 'expiresAt') return lifetimeOf(record) >= 0;
    return (member === 'createdAt' || member === 'lastModifiedAt') && value === record.issuedAt;
  };
  const more = Object.entries(record).filter(([member, value]) => OWN.has(member) && !implied(member, value));
  return more.length > 0 ? Object.fromEntries(more) : undefined;
}
