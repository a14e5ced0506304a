import type { Match } from '../finding.ts';
import { NO_NAME } from '../vocabulary.ts';
import { NO_RIVAL, SPORT_OR_CODE } from './competitor-mentions.ts';
import { PRODUCTS } from './technologies.ts';

/** One or two capitalised words. */
const RIVAL = '(?<rival>\\p{Lu}[\\p{L}\\p{N}&-]{2,25}(?: \\p{Lu}[\\p{L}\\p{N}]{2,20})?)(?![\\p{L}\\p{N}])';
/** Said of suppliers alone. */
const OF_SUPPLIERS = new RegExp(
  `(?<![\\p{L}])(?i:evaluat\\p{L}+|trial(?:s|led|ling|ing)|alternatives? to|up against|(?:quote|offer|proposal|bid|demo) (?:from|of|by)|(?:un|not )happy with|frustrated (?:with|by)|fed up with|disappointed (?:with|by)|burned by|switch\\p{L}* (?:away )?(?:from|to)|(?:the )?incumbent (?:is|was|:)|competitors?(?: in \\p{L}+ \\p{L}+)? (?:is|are|:)|head-to-head with|compar\\p{L}* (?:us |you |it |them )?(?:with|to|against)|between us and|shortlist\\p{L}*(?: us and| both|:)?|lost (?:[^ .]+ ){0,8}?to|choos\\p{L}+ (?:us|you) over|chose|cancel\\p{L}*|renew\\p{L}* with|contract with|replac\\p{L}+|leav\\p{L}+|left|prefers?|talks? to|considering|rather than|instead of|cheaper than|better than) (?:the |their |both |old )?${RIVAL}`,
  'u',
);
/** Said of anybody: what else the sentence says makes suppliers of them. */
const BESIDE = new RegExp(
  `(?<![\\p{L}])(?i:with|uses?|using|from|than|over|met|likes?|loves?|praises?|a|an|by|and|or|that|does|is|mentioned|brought up|of|their|has|have|:) ${RIVAL}|(?:^\\W*|that |me |says |said |["“:,] )${RIVAL} (?:is|was|has|does|gave|licen[cs]e|contract|involved|offers?|quoted|pitch\\p{L}+|gave|undercut\\p{L}*)(?!\\p{L})`,
  'gu',
);
const SUPPLIERS =
  /(?<![\p{L}])(?:competitors?|rivals?|competitive deal|incumbent|cheaper|% less|pricier|finalists?|rfp|tender|shortlist\w*|quot(?:e|ed|es)|pitch(?:es|ed|ing)?|licen[cs]e|renewals?|contract|customer|user|(?:over|than|beat|between|instead of|compare|choose|versus|vs\.?|against) (?:us|you|ours|yours)|than (?:us|you|our\w*|your\w*)|that (?:we|you) don['’]t|for us|about us|nicer|better|slower?|complicated|current(?:ly)? (?:\p{L}+ )?(?:tool|system|vendor|supplier|provider|use|using|with|on)|import (?:their|the) data|been with|reporting|mobile app|dashboards?|interface|offers? onboarding|we lost|good moment|at the moment|gave (?:them|him|her|us)|cheaper|brought up|asked them for|already in at|any good)(?![\p{L}])/iu;
/** Short forms of rules, and names of plans. */
const NO_SUPPLIER = /^(?:\p{Lu}{2,4}|(?:Pro|Plus|Basic|Free|Premium|Starter|Standard|Business|Enterprise)(?: .*)?)$/u;
/** Words of the trade, with a capital because the sentence begins with them. */
const WORD_OF_TRADE =
  /^(?:Contracts?|Licen[cs]es?|Renewals?|Quotes?|Tenders?|Offers?|Pric(?:e|es|ing)|Customers?|Users?|Competitors?|Rivals?|Suppliers?|Vendors?|Support|Reporting|Dashboards?|Budget|Board|Team|Decision|Pilot|Trial|Delivery|Volume)$/u;
const COUNTRY =
  /^(?:Austria|Belgium|Brazil|Bulgaria|Canada|Croatia|Czechia|Denmark|Egypt|England|Estonia|Finland|Greece|Hungary|Iceland|Ireland|Israel|Italy|Japan|Kenya|Latvia|Lithuania|Luxembourg|Mexico|Morocco|Netherlands|Nigeria|Norway|Poland|Portugal|Romania|Scotland|Serbia|Singapore|Slovakia|Slovenia|Spain|Sweden|Switzerland|Turkey|Ukraine|Wales|Australia|Britain|Bavaria|Saxony|Amsterdam|Barcelona|Birmingham|Bristol|Brussels|Copenhagen|Dublin|Edinburgh|Glasgow|Hamburg|Leeds|Lisbon|Lyon|Madrid|Manchester|Milan|Munich|Oslo|Prague|Rome|Rotterdam|Stockholm|Vienna|Warsaw|Zurich)$/u;
/** What follows the name of somebody rather than that of a supplier: "Pawel Brzezinak has asked his board". */
const DOES_AS_PEOPLE_DO =
  /^ (?:(?:has|had|have|is|was|will|also|just) )?(?:told|tells|asked|asks|asking|said|says|wants|wanted|wrote|written|writes|thanked|thanks|complained|called|calls|agreed|confirmed|promised|met|sent|named|knows|thinks|feels|likes|loves|hates|signed off|compares|compared)(?!\p{L})/u;
const IS_PRODUCT = new RegExp(`^(?:${PRODUCTS})(?![\\p{L}\\p{N}])`, 'u');
const ABOUT_US = /(?<![\p{L}])(?:us|you|our|your|ours|yours|competitors?|rivals?)(?![\p{L}])/iu;
const OTHERS =
  /(?<![\p{L}])(?:hiring|recruit\w*|appointed|hired|ceo|cfo|cto|joined|promoted|raised|investors?|funding|warehouse|office|football|trial of|court|holiday|birthday|webinar|panel|exhibit\w*|confirmation statement|companies house)(?![\p{L}])/iu;

/** A supplier of any name that a sentence weighs, beside a known company; little sure, as `weakSigns` are. */
export function unknownRivals(sentence: string, isKnown: (name: string) => boolean): Match[] {
  if (SPORT_OR_CODE.test(sentence) || OTHERS.test(sentence)) return [];
  const sure = OF_SUPPLIERS.exec(sentence);
  const beside = SUPPLIERS.test(sentence) ? [...sentence.matchAll(BESIDE)] : [];
  for (const found of [...(sure === null ? [] : [sure]), ...beside]) {
    const rival = Object.values(found.groups ?? {}).find((name) => name !== undefined) ?? '';
    const first = rival.split(' ')[0] ?? '';
    const isOther =
      NO_NAME.test(first) ||
      NO_RIVAL.test(rival) ||
      NO_SUPPLIER.test(rival) ||
      WORD_OF_TRADE.test(rival) ||
      COUNTRY.test(rival) ||
      isKnown(rival);
    const after = sentence.slice(sentence.indexOf(rival, found.index) + rival.length);
    if (isOther || (rival.includes(' ') && DOES_AS_PEOPLE_DO.test(after))) continue;
    if (rival === '' || (IS_PRODUCT.test(rival) && !ABOUT_US.test(sentence))) continue;
    const start = sentence.indexOf(rival, found.index);
    return [
      {
        type: 'COMPETITOR_MENTION',
        facts: { competitor: rival },
        start,
        end: start + rival.length,
        certainty: 54,
        allows: ['question', 'hypothetical', 'negated', 'generic', 'past'],
        named: 'beside',
      },
    ];
  }
  return [];
}
