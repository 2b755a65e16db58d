import { isObject } from '../options.js';
import type { Components, PathItem } from './types.js';

type Paths = Readonly<Record<string, PathItem>>;
type All = Required<Components>;

/** Those components that the paths refer to, and those that these refer to. */
export function usedComponents(components: All, paths: Paths): All {
  const used = new Set<string>(securityIn(paths));
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (!isObject(value)) return;
    const { $ref } = value;
    if (typeof $ref === 'string' && !used.has($ref)) {
      used.add($ref);
      visit(target(components, $ref));
    }
    Object.values(value).forEach(visit);
  };
  visit(paths);
  const kept = Object.entries(components).map(([kind, parts]: [string, object]) => [
    kind,
    Object.fromEntries(Object.entries(parts).filter(([name]) => used.has(`#/components/${kind}/${name}`))),
  ]);
  return Object.fromEntries(kept) as All;
}

function target(components: All, reference: string): unknown {
  const [, , kind, name] = reference.split('/') as [string, string, keyof All, string];
  return components[kind][name];
}

/** Operations name their security schemes, and do not refer to them. */
function securityIn(paths: Paths): readonly string[] {
  return Object.values(paths)
    .flatMap((item) => [item.get, item.post, item.delete])
    .flatMap((operation) => operation?.security ?? [])
    .flatMap((requirement) => Object.keys(requirement))
    .map((name) => `#/components/securitySchemes/${name}`);
}
