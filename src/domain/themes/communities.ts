import { type Graph, graphOf } from './neighbour-graph.ts';
import { seededRandom } from './seeded-random.ts';

const SEED = 0xc0_44;
const MAX_PASSES = 50;
const MAX_LEVELS = 20;
/** A gain smaller than this is rounding. */
const MIN_GAIN = 1e-9;

/** A partition to go on from. */
export interface KnownPartition {
  /** Of each node; those from `knownCount` on are of no account. */
  labels: Int32Array;
  /** Communities below this number stay apart from one another, whatever would be gained by joining them. */
  knownCount: number;
}

/**
 * Communities of a graph: nodes more densely linked with one another than chance would have it (modularity).
 * Blondel et al.: Fast unfolding of communities in large networks, 2008.
 * @param resolution above 1 more and smaller ones, below 1 fewer and larger ones
 * @param known left out: every node begins alone
 * @returns the community of each node, numbered from 0
 */
export function communitiesOf(graph: Graph, resolution: number, known?: KnownPartition): Int32Array {
  const random = seededRandom(SEED);
  const alone = (count: number) => Int32Array.from({ length: count }, (_, node) => node);
  let level: WeightedGraph = { ...graph, selfWeights: new Float64Array(graph.nodeCount) };
  let own = known?.labels.slice() ?? alone(graph.nodeCount);
  let fixed = new Set<number>();
  let isKnown = (label: number) => label < (known?.knownCount ?? 0);
  let labels = alone(graph.nodeCount);
  for (let round = 0; round < MAX_LEVELS; round++) {
    moveNodes(
      level,
      own,
      resolution,
      shuffled(level.nodeCount, random).filter((node) => !fixed.has(node)),
    );
    const numbers = numbersOf(own);
    fixed = new Set([...numbers].filter(([label]) => isKnown(label)).map(([, number]) => number));
    const stay = fixed;
    isKnown = (label) => stay.has(label);
    own = own.map((label) => numbers.get(label) as number);
    labels = labels.map((node) => own[node] as number);
    if (numbers.size === level.nodeCount) break;
    level = merge(level, own, numbers.size);
    own = alone(level.nodeCount);
  }
  return labels;
}

/** How much denser the links within communities are than chance would have it: -0.5 to 1. */
export function modularity(graph: Graph, labels: Int32Array, resolution: number): number {
  const inside = new Float64Array(labels.length);
  const total = new Float64Array(labels.length);
  let all = 0;
  for (let node = 0; node < graph.nodeCount; node++) {
    const community = labels[node] as number;
    for (let at = graph.starts[node] as number; at < (graph.starts[node + 1] as number); at++) {
      const weight = graph.weights[at] as number;
      all += weight;
      total[community] = (total[community] as number) + weight;
      if (labels[graph.targets[at] as number] === community) inside[community] = (inside[community] as number) + weight;
    }
  }
  if (all === 0) return 0;
  let sum = 0;
  for (const [community, weight] of inside.entries()) {
    sum += weight / all - resolution * ((total[community] as number) / all) ** 2;
  }
  return sum;
}

/** A graph whose nodes may be linked with themselves. */
interface WeightedGraph extends Graph {
  selfWeights: Float64Array;
}

/** Moves nodes to the community among their neighbours where they gain most, until none gains anything. */
function moveNodes(graph: WeightedGraph, own: Int32Array, resolution: number, order: Uint32Array): void {
  const { starts, targets, weights } = graph;
  const degrees = degreesOf(graph);
  const all = degrees.reduce((sum, degree) => sum + degree, 0);
  if (all === 0) return;
  const size = own.reduce((most, community) => Math.max(most, community), 0) + 1;
  const totals = new Float64Array(size);
  for (const [node, degree] of degrees.entries()) {
    totals[own[node] as number] = (totals[own[node] as number] as number) + degree;
  }
  const linked = new Float64Array(size);
  for (let pass = 0, moved = 1; pass < MAX_PASSES && moved > 0; pass++) {
    moved = 0;
    for (const node of order) {
      const from = own[node] as number;
      const degree = degrees[node] as number;
      const touched: number[] = [];
      for (let at = starts[node] as number; at < (starts[node + 1] as number); at++) {
        const community = own[targets[at] as number] as number;
        if (linked[community] === 0) touched.push(community);
        linked[community] = (linked[community] as number) + (weights[at] as number);
      }
      totals[from] = (totals[from] as number) - degree;
      const gainOf = (community: number) =>
        (linked[community] as number) - (resolution * degree * (totals[community] as number)) / all;
      let best = from;
      let bestGain = gainOf(from) + MIN_GAIN;
      for (const community of touched) {
        const gain = gainOf(community);
        if (gain <= bestGain) continue;
        best = community;
        bestGain = gain;
      }
      totals[best] = (totals[best] as number) + degree;
      own[node] = best;
      if (best !== from) moved += 1;
      for (const community of touched) linked[community] = 0;
    }
  }
}

function degreesOf({ starts, weights, selfWeights }: WeightedGraph): Float64Array {
  return selfWeights.map((own, node) =>
    weights.subarray(starts[node], starts[node + 1]).reduce((sum, weight) => sum + weight, own),
  );
}

/** The graph of communities: each a node, whose inner links are its own weight. */
function merge(graph: WeightedGraph, own: Int32Array, communityCount: number): WeightedGraph {
  const links = Array.from({ length: communityCount }, () => new Map<number, number>());
  const selfWeights = new Float64Array(communityCount);
  for (let node = 0; node < graph.nodeCount; node++) {
    const from = own[node] as number;
    selfWeights[from] = (selfWeights[from] as number) + (graph.selfWeights[node] as number);
    for (let at = graph.starts[node] as number; at < (graph.starts[node + 1] as number); at++) {
      const to = own[graph.targets[at] as number] as number;
      const weight = graph.weights[at] as number;
      if (to === from) selfWeights[from] = (selfWeights[from] as number) + weight;
      else links[from]?.set(to, (links[from]?.get(to) ?? 0) + weight);
    }
  }
  return { ...graphOf(links), selfWeights };
}

/** A number from 0 for each label, in the order in which they first occur. */
function numbersOf(labels: Int32Array): Map<number, number> {
  const numbers = new Map<number, number>();
  for (const label of labels) if (!numbers.has(label)) numbers.set(label, numbers.size);
  return numbers;
}

function shuffled(count: number, random: () => number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const kept = order[last] as number;
    order[last] = order[other] as number;
    order[other] = kept;
  }
  return order;
}
