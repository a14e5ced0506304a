import { dot, type VectorRows } from './vector-rows.ts';

/** A graph without direction, as rows of neighbours (CSR): those of node n stand from `starts[n]` to `starts[n + 1]`. */
export interface Graph {
  nodeCount: number;
  starts: Uint32Array;
  targets: Uint32Array;
  weights: Float64Array;
}

/** Rows compared with one another while they are in the processor's cache. */
const BLOCK_ROWS = 64;

/**
 * Links each row with those nearest to it. The weight of a link is the share of their neighbours that both have
 * (Jaccard's), which tells a dense place from a bridge between two.
 * Levine et al.: Data-driven phenotypic dissection of AML, Cell 162, 2015 (PhenoGraph).
 */
export function neighbourGraph(rows: VectorRows, neighbourCount: number): Graph {
  const nearest = nearestRows(rows, Math.min(neighbourCount, Math.max(1, rows.count - 1)));
  return sharedNeighbourGraph(rows.count, nearest);
}

interface Nearest {
  perRow: number;
  ids: Int32Array;
  similarities: Float32Array;
}

/** The exact ones, each pair compared once. */
function nearestRows(rows: VectorRows, perRow: number): Nearest {
  const { count, dimensions, values } = rows;
  const nearest: Nearest = {
    perRow,
    ids: new Int32Array(count * perRow).fill(-1),
    similarities: new Float32Array(count * perRow).fill(Number.NEGATIVE_INFINITY),
  };
  for (let upper = 0; upper < count; upper += BLOCK_ROWS) {
    for (let lower = upper; lower < count; lower += BLOCK_ROWS) {
      const upperEnd = Math.min(count, upper + BLOCK_ROWS);
      const lowerEnd = Math.min(count, lower + BLOCK_ROWS);
      for (let left = upper; left < upperEnd; left++) {
        for (let right = Math.max(lower, left + 1); right < lowerEnd; right++) {
          const similarity = dot(values, left * dimensions, values, right * dimensions, dimensions);
          offer(nearest, left, right, similarity);
          offer(nearest, right, left, similarity);
        }
      }
    }
  }
  return nearest;
}

/** Keeps a row's nearest in order, the nearest first. */
function offer({ perRow, ids, similarities }: Nearest, row: number, other: number, similarity: number): void {
  const start = row * perRow;
  let at = start + perRow - 1;
  if (similarity <= (similarities[at] as number)) return;
  while (at > start && similarity > (similarities[at - 1] as number)) {
    similarities[at] = similarities[at - 1] as number;
    ids[at] = ids[at - 1] as number;
    at--;
  }
  similarities[at] = similarity;
  ids[at] = other;
}

function sharedNeighbourGraph(nodeCount: number, { perRow, ids, similarities }: Nearest): Graph {
  const neighbours = Array.from({ length: nodeCount }, (_, node) => {
    const own = new Set<number>([node]);
    for (let at = node * perRow; at < (node + 1) * perRow; at++) {
      const id = ids[at] as number;
      // What has nothing in common with a row is no neighbour of it, however empty its surroundings.
      if (id >= 0 && (similarities[at] as number) > 0) own.add(id);
    }
    return own;
  });
  const links = Array.from({ length: nodeCount }, () => new Map<number, number>());
  for (const [node, own] of neighbours.entries()) {
    for (const other of own) {
      if (other === node || links[node]?.has(other)) continue;
      const theirs = neighbours[other] as Set<number>;
      let both = 0;
      for (const id of own) if (theirs.has(id)) both++;
      const weight = both / (own.size + theirs.size - both);
      links[node]?.set(other, weight);
      links[other]?.set(node, weight);
    }
  }
  return graphOf(links);
}

export function graphOf(links: readonly ReadonlyMap<number, number>[]): Graph {
  const starts = new Uint32Array(links.length + 1);
  for (const [node, own] of links.entries()) starts[node + 1] = (starts[node] as number) + own.size;
  const size = starts[links.length] as number;
  const graph: Graph = {
    nodeCount: links.length,
    starts,
    targets: new Uint32Array(size),
    weights: new Float64Array(size),
  };
  let at = 0;
  for (const own of links) {
    for (const [target, weight] of own) {
      graph.targets[at] = target;
      graph.weights[at] = weight;
      at++;
    }
  }
  return graph;
}
