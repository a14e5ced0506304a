import { graphql } from './gql/gql.ts';
import { request } from './signalbox.ts';

const FIND = graphql(`
  query Find($query: String!) {
    search(query: $query, first: 3) {
      nodes {
        rank
        score
        document {
          kind
          title
        }
      }
      plan {
        strategy
        complete
      }
    }
  }
`);

const query = process.argv.slice(2).join(' ') || 'dock doors double booked';
const { search } = await request(FIND, { query });

for (const { rank, score, document } of search.nodes) {
  console.log(`${rank}  ${score.toFixed(2)}  ${document.kind.padEnd(12)}  ${document.title ?? '(no title)'}`);
}
console.log(`searched: ${search.plan.strategy}${search.plan.complete ? '' : ', not all documents are embedded yet'}`);
