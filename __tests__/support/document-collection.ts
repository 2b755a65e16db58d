type Document = Record<string, unknown> & { readonly _id: string };
type Filter = Readonly<Record<string, unknown>>;

/** What a store of the guide asks of a collection of MongoDB, in memory: each call is a step of its own, and later. */
export class DocumentCollection {
  readonly #documents = new Map<string, Document>();

  async findOne(filter: Filter): Promise<Document | null> {
    await later();
    return structuredClone(this.#matching(filter)[0] ?? null);
  }

  find(filter: Filter): { toArray(): Promise<Document[]> } {
    return {
      toArray: async () => {
        await later();
        return structuredClone(this.#matching(filter));
      },
    };
  }

  async insertOne(document: Document): Promise<void> {
    await later();
    if (this.#documents.has(document._id))
      throw Object.assign(new Error('E11000 duplicate key'), { code: 11000 });
    this.#documents.set(document._id, structuredClone(document));
  }

  async replaceOne(filter: Filter, document: Document): Promise<{ matchedCount: number }> {
    await later();
    const [found] = this.#matching(filter);
    if (found) this.#documents.set(found._id, structuredClone(document));
    return { matchedCount: found ? 1 : 0 };
  }

  async updateOne(
    filter: Filter,
    { $set, $inc }: { readonly $set: object; readonly $inc: Readonly<Record<string, number>> },
  ): Promise<{ modifiedCount: number }> {
    await later();
    const [found] = this.#matching(filter);
    if (!found) return { modifiedCount: 0 };
    const counted = Object.entries($inc).map(([name, by]) => [name, Number(found[name]) + by]);
    this.#documents.set(found._id, { ...found, ...$set, ...Object.fromEntries(counted) });
    return { modifiedCount: 1 };
  }

  async deleteMany(filter: Filter): Promise<{ deletedCount: number }> {
    await later();
    const all = this.#matching(filter);
    for (const { _id } of all) this.#documents.delete(_id);
    return { deletedCount: all.length };
  }

  #matching(filter: Filter): Document[] {
    const { _id } = filter;
    const candidates = typeof _id === 'string' ? [this.#documents.get(_id)] : [...this.#documents.values()];
    return candidates
      .filter((document) => document !== undefined)
      .filter((document) => matches(document, filter));
  }
}

function matches(document: Document, filter: Filter): boolean {
  return Object.entries(filter).every(([name, wanted]) => {
    if (name === '$or') return (wanted as Filter[]).some((one) => matches(document, one));
    const value = document[name] ?? null;
    const most = (wanted as { readonly $lte?: number } | null)?.$lte;
    return most === undefined ? value === wanted : typeof value === 'number' && value <= most;
  });
}

async function later(): Promise<void> {
  await new Promise(setImmediate);
}
