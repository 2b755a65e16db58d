import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** A metric in a query, and what the query wants of its labels. */
export interface Selector {
  readonly metric: string;
  /** Labels by which it is selected or grouped. */
  readonly labels: readonly string[];
  /** What labels are compared with, regular expressions taken apart. */
  readonly values: readonly (readonly [label: string, value: string])[];
}

/**
 * Reads a query by the grammar of Prometheus.
 *
 * @throws Error for what is no query
 */
export function selectors(query: string): readonly Selector[] {
  const found: Selector[] = [];
  const text = (node: SyntaxNode): string => query.slice(node.from, node.to);
  const names = (node: SyntaxNode): string[] => node.getChildren('LabelName').map(text);
  parser.parse(query).iterate({
    enter({ node, type }) {
      if (type.isError) throw new Error(`no PromQL at ${node.from}: ${query}`);
      if (type.name !== 'VectorSelector') return;
      const metric = node.getChild('Identifier');
      if (!metric) throw new Error(`a selector without a metric: ${query}`);
      const labels: string[] = [];
      const values: (readonly [string, string])[] = [];
      for (const matcher of node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []) {
        const [label = ''] = names(matcher);
        const value = text(matcher.getChild('StringLiteral') as SyntaxNode).slice(1, -1);
        labels.push(label);
        values.push(...value.split('|').map((one) => [label, one] as const));
      }
      for (let outer = node.parent; outer; outer = outer.parent) {
        const groups = outer.getChild('AggregateModifier')?.getChild('GroupingLabels');
        if (groups) labels.push(...names(groups));
      }
      found.push({ metric: text(metric), labels, values });
    },
  });
  return found;
}
