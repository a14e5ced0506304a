import { certainty, firstMatch, knownFacts, type Match, type Rule } from '../finding.ts';
import { NAME, NO_NAME } from '../vocabulary.ts';

/** Words with which somebody compares, tries or leaves a supplier. */
const COMPARES =
  'customers?|clients?|users?|mention(?:s|ed|ing)?|finalists?|vendors?|suppliers?|providers?|deals?|signed|bought|purchas\\w+|subscri\\w+|tools?|dashboards?|features?|strong(?:er)?|weak(?:er)?|slow(?:er)?|expensive|pric(?:es?|ing)|knows?|likes?|loves?|hates?|complain\\w*|works? for|has|have|had|compar(?:e|es|ed|ing|ison|isons|é|er|aison)|versus|vs\\.?|against|alternatives?|instead of|rather than|switch(?:es|ed|ing)?|mov(?:e|es|ed|ing) (?:away |off |over )?(?:from|to|off|away)|mov(?:e|es|ed|ing)|migrat(?:e|es|ed|ing)|replac(?:e|es|ed|ing|ement)|evaluat(?:e|es|ed|ing|ion)|shortlist(?:s|ed|ing)?|short-?list(?:ed)?|consider(?:s|ed|ing)?|trial(?:s|led|ling)?|pilot(?:s|ed|ing)?|demo(?:s|ed|ing)?|demonstration|quot(?:e|es|ed|ation)|pitch(?:es|ed|ing)?|proposals?|rfp|rfi|tender|bid(?:s|ding)?|talk(?:s|ed|ing)? (?:to|with)|speak(?:s|ing)? (?:to|with)|spoke (?:to|with)|looking at|looks? at|looked at|testing|tested|bake-?off|cheaper|dearer|more expensive|better|worse|faster|undercut(?:s|ting)?|offer(?:s|ed|ing)?|renew(?:s|ed|al|ing)?|contract|licen[cs]e|currently|existing|incumbent|unhappy|frustrat\\w+|dissatisf\\w+|disappoint\\w+|fed up|sick of|tired of|churn\\w*|leav(?:e|es|ing)|left|lost|went with|going with|gone with|go with|chose|cho(?:ose|osing|sen)|prefer(?:s|red)?|competitors?|rivals?|competing|head-?to-?head|up against|also in|in the running|on the table|in the mix|favou?r(?:s|ed|ing)?|tempted|matched?|discount|benchmark(?:s|ed|ing)?|matrix|us,|, us|and us|us and|or us|us or|between|court(?:s|ed|ing)|feel|approached|differ\\w*|using|uses?|run(?:s|ning)? on|works? with|wettbewerber|vergleich\\w*|wechsel\\w*|statt|angebot|konkurren\\w+|concurrents?|plutôt que|remplacer|hésite\\w*';
const COMPARING = new RegExp(`(?<![\\p{L}])(?<verb>${COMPARES})(?![\\p{L}])`, 'iu');
/** Words that make a competitor of any name. */
const RIVALS: readonly RegExp[] = [
  new RegExp(
    `(?<verb>[Oo]ur|[Tt]heir|[Pp]resent|[Cc]urrent|[Ee]xisting|[Ii]ncumbent) (?:\\p{Ll}+ ){0,2}(?:vendor|supplier|provider|planner|system|tool|platform|solution|software),? (?<rival>${NAME})`,
    'u',
  ),
  new RegExp(
    `(?:you|we|yours?|ours?)(?: \\p{Ll}+){0,5} (?<verb>that|what|where|than|which) (?<rival>${NAME}) (?:does|do|can|has|have|is|did)(?:n['’]t|not| not)`,
    'u',
  ),
  new RegExp(
    `(?<verb>[Cc]urrently|[Tt]oday|[Pp]resently|at the moment|[Ss]till|[Ee]xisting|[Ii]ncumbent|[Cc]urrent)(?: (?:with|on|using|use|uses|run|runs|running|run on|work with|working with|rely on|relying on|supplier|vendor|provider|tool|system|solution|is|are|we|they|have|has|a|customer of|customers of)){1,5},? (?<rival>${NAME})`,
    'u',
  ),
  new RegExp(
    `(?<verb>[Cc]ompar(?:e|es|ed|ing)|[Bb]enchmark(?:s|ed|ing)?|weigh(?:s|ed|ing)?|evaluat(?:e|es|ed|ing)|pitting|[Vv]ergleich\\w*|compare)(?: \\p{Ll}+){0,3} (?:us|you|our [\\p{Ll} ]{3,30}|your [\\p{Ll} ]{3,30}|uns|euch|nous|vous|Signalbox)(?: [\\p{Ll}]+){0,4}? (?:with|to|against|and|mit|und|à|et|avec) (?:the |from )?(?<rival>${NAME})`,
    'u',
  ),
  new RegExp(
    `(?<verb>[Cc]ompar(?:e|es|ed|ing)|[Bb]enchmark(?:s|ed|ing)?|weigh(?:s|ed|ing)?(?: up)?|[Cc]hoosing between|torn between|[Dd]eciding between|hésite entre)(?: \\p{Ll}+){0,3} (?<rival>${NAME})(?:['’]s [\\p{Ll} ]+)? (?:with|to|against|and|or|versus|vs\\.?|et|ou) (?:us|you|ours|yours|our|your)(?!\\p{L})`,
    'u',
  ),
  new RegExp(`(?:[Uu]s|[Yy]ou|[Oo]urs|[Yy]ours) (?<verb>vs\\.?|versus|against|or) (?<rival>${NAME})`, 'u'),
  new RegExp(`(?<rival>${NAME}) (?<verb>vs\\.?|versus|against) (?:us|you|ours|yours)(?!\\p{L})`, 'u'),
  new RegExp(
    `(?<verb>[Aa]lternatives?|replacement|successor|Alternative)(?: \\p{Ll}+){0,2} (?:to|for|zu|à) (?:their |the |its |current |existing |incumbent |our ){0,3}(?<rival>${NAME})`,
    'u',
  ),
  new RegExp(
    `(?<rival>${NAME}) as (?:an?|the|their|its) (?:\\p{Ll}+ ){0,2}(?<verb>alternative|replacement|rival|competitor|contender|front-?runner|backup option|other option)`,
    'u',
  ),
  new RegExp(
    `(?<verb>[Ss]witch(?:es|ed|ing)?|[Mm]ov(?:e|es|ed|ing)|[Mm]igrat(?:e|es|ed|ing)|com(?:e|ing) (?:over|across)|transition(?:ed|ing)?|defect(?:ed|ing)?)(?: \\p{Ll}+){0,4}? (?:from|away from|off) (?<rival>${NAME}) (?:\\p{Ll}+ ){0,3}?(?:to us|to you|over to us|to our|to your|onto our|and (?:wants?|asked|would))`,
    'u',
  ),
  new RegExp(
    `(?<verb>[Ss]witch(?:es|ed|ing)?|[Mm]ov(?:e|es|ed|ing)|[Dd]efect(?:s|ed|ing)?|[Ll]eav(?:e|es|ing)|[Ll]ost|go(?:es|ing)?) (?:us |from us |away from us |over )?(?:to|for) (?:the |a )?(?:\\p{Ll}+ )?(?:rival|competitor),? (?<rival>${NAME})`,
    'u',
  ),
  new RegExp(
    `(?<!['’]s |[Tt]heir |[Ii]ts |[Hh]is |[Hh]er )(?<verb>competitors?|rivals?|competing (?:vendor|bid|offer|quote|product|supplier|bids?)s?|Wettbewerbern?|Konkurrent|concurrents?)(?: (?:like|such as|including|from|named|called|is|are|wie|comme|by))?[:,]? (?<rival>${NAME})`,
    'u',
  ),
  new RegExp(
    `(?<rival>${NAME}),? (?:is|are|which is|who are|a|an|our|your|the)(?: \\p{Ll}+){0,3} (?<verb>competitors?|rivals?|incumbent)(?!\\p{L})`,
    'u',
  ),
  new RegExp(
    `(?<rival>${NAME}) (?:has |have |had |is |are |just |also |already |now |apparently |was |both ){0,3}(?<verb>pitch(?:ed|ing)|quoted|undercut(?:ting)?|offered (?:them|him|her|us|a|an|\\d)|in the running|on the shortlist|shortlisted|bidding|in the mix|came in (?:cheaper|lower|at)|cheaper|offers (?:them|the same)|the front-?runner|proposed|courting|matched our|hat \\p{Ll}+ Angebot)`,
    'u',
  ),
  new RegExp(
    `(?<verb>[Ss]hort-?list(?:s|ed|ing)?|final two|last two|down to|in the running|finalists?)(?: [\\p{Ll},:]+){0,8}? (?:us|you|ourselves|we)(?:,| and| plus| against| or| together with| alongside| und| et)+ (?:the |by |with )?(?<rival>${NAME})`,
    'u',
  ),
  new RegExp(
    `(?<verb>[Ss]hort-?list(?:s|ed|ing)?|final two|down to|[Ff]inalists?|RFP|tender|bake-?off)[^.;!?]{0,40}? (?<rival>${NAME})(?:, \\p{Lu}\\w+)? (?:and|against|or|plus) (?:us|you|ourselves)(?!\\p{L})`,
    'u',
  ),
  new RegExp(
    `(?<verb>better|cheaper|slower|faster|worse|dearer|more \\p{Ll}+|less \\p{Ll}+|easier|simpler) than (?:what )?(?<rival>${NAME})(?:['’]s|s['’])?(?= |[.,;:!)]|$)`,
    'u',
  ),
  new RegExp(
    `(?:[Uu]nhappy|[Ff]rustrated|[Ff]ed up|[Dd]issatisfied|[Dd]isappointed|[Tt]ired of|[Ss]ick of|[Hh]ad enough of|struggling|complain(?:s|ed|ing)?|pain|unzufrieden|mécontents?)(?: \\p{Ll}+){0,3}? (?:with|by|about|of|mit|de)(?: (?:their|the|current|existing|its|incumbent|supplier|vendor|provider|system|tool)){0,4},? (?<rival>${NAME})(?<verb>)`,
    'u',
  ),
  new RegExp(
    `(?<verb>contract|licen[cs]es?|subscription|agreement|renewal|Vertrag|contrat)(?: \\p{Ll}+){0,2} (?:with|from|of|for|at|mit|bei|avec|chez) (?<rival>${NAME})[^.;!?]{0,30}? (?:ends?|ending|expir\\w+|is up|runs? out|lapses|comes up|up for renewal|läuft|renew\\w*|terminat\\w+|not be renewed|arrive à)`,
    'u',
  ),
  new RegExp(
    `(?<rival>${NAME})(?:['’]s|s['’])? (?<verb>contract|licen[cs]e|subscription|agreement|renewal)[^.;!?]{0,40}? (?:ends?|ending|expir\\w+|is up|runs? out|lapses|comes up|up for renewal|renew\\w*|too expensive|went up|doubled)`,
    'u',
  ),
  new RegExp(
    `(?<verb>[Ww]ent with|[Gg]oing with|[Cc]hose|chosen|[Ss]igned with|[Ll]ost (?:the deal |this one |it |them |the account )?to|[Pp]refer(?:s|red)?|[Pp]icked|[Ww]on (?:it |them |the deal )?(?:from|against)|[Bb]eat(?:en)?(?: by)?|[Uu]p against|[Hh]ead-?to-?head with|[Rr]eplac(?:e|es|ing|ed)|[Ss]tatt|[Ww]echsel\\w* von|plutôt que|remplacer) (?:their |the |its |an? |old |existing |current |incumbent ){0,3}(?<rival>${NAME})[^.;!?]{0,60}?(?:instead|over us|over you|rather than us|with us|with you|with our|with your|(?:to|by|for) us|zu uns|zu euch|deal|bid|account|tender|price|because|par vous|par nous)`,
    'u',
  ),
  new RegExp(
    `(?<verb>[Qq]uote|[Pp]roposal|[Oo]ffer|[Bb]id|[Aa]ngebot|devis|[Dd]emo|[Pp]ilot|[Tt]rial|POC|proof of concept)(?: \\p{Ll}+){0,3}? (?:from|by|with|of|von|de|bei) (?<rival>${NAME})(?:['’]s)?(?= |[.,;:!)]|$)`,
    'u',
  ),
  new RegExp(
    `(?<verb>[Ee]valuating|[Tt]rialling|[Tt]rialing|[Pp]iloting|[Cc]onsidering|[Ss]hortlisted|[Tt]alking to|[Ss]peaking to|[Ll]ooking at|[Tt]esting|[Ii]n talks with|[Ss]poke to|[Mm]et with|[Ee]xploring)(?: (?:both|also|the likes of|vendors?|suppliers?|providers?|competitors?|like|such as|two|three|other|others|including|products?|tools?|solutions?|against|us|and|alongside|at|with|from|you)){1,6},? (?<rival>${NAME})`,
    'u',
  ),
];
/** Names that a comparison is about, which are no supplier. */
export const NO_RIVAL =
  /^(?:Series|Q[1-4]|FY|January|Monday|Excel|Word|Python|Java\w*|Node|React|Windows|Linux|Mac|iOS|Android|Chrome|Firefox|Safari|Europe|Germany|France|UK|US|USA|London|Paris|Berlin|China|India|GDPR|ISO|CSV|PDF|API|LLM|AI|IT|HR|CEO|CFO|CTO|COO|VP|Head|Director|BMW|Covid|Arsenal|Chelsea|Liverpool|Tottenham|Everton|City|United|Real|Barcelona|Bayern|Version|V\d)(?!\p{L})/u;
const TALK_OF_US =
  /(?<![\p{L}])(?:us|you|our|your|ours|yours|uns|euch|nous|vous|vendors?|suppliers?|providers?|competitors?|rivals?|rfp|tender|deal|prospect|buyer|procurement|shortlist\w*|evaluat\w+|pricing|quote|proposal|renewal|contract|alternatives?|switch\w*|compar\w+|they|customer|account)(?![\p{L}])/iu;
export const SPORT_OR_CODE =
  /(?<![\p{L}])(?:match|league|football|cricket|rugby|goal|stadium|championship|tennis|chess|vs code|benchmark suite|git diff|column|regex|string comparison|float|null|pandas|spelling|weather|holiday|shares?|stock price|market cap|analysts? at)(?![\p{L}])/iu;

/** One of the competitors with words of comparison, or any name with words that make a competitor of it. */
export const competitorMentions: Rule = (sentence, { competitors }) => {
  if (SPORT_OR_CODE.test(sentence)) return [];
  return [knownIn(sentence, competitors) ?? unknownIn(sentence)].filter((match) => match !== null);
};

const ALLOWS = ['question', 'hypothetical', 'negated', 'generic'] as const;

function knownIn(sentence: string, competitors: readonly string[]): Match | null {
  for (const name of competitors) {
    const at = placeOf(sentence, name);
    if (at === -1) continue;
    const around = sentence.slice(Math.max(0, at - 110), at + name.length + 110);
    const verb = firstMatch(COMPARING, around);
    if (verb === null) continue;
    if (
      /(?<![\p{L}])(?:never heard of|not heard of|sponsor\w*|exhibit\w*|conference|booth|stand at)(?![\p{L}])/iu.test(
        around,
      )
    )
      continue;
    if (ABOUT_THEM.test(sentence.slice(at + name.length))) continue;
    const sure = certainty(
      WEAK_WORD.test(verb.groups.verb ?? '') ? 58 : 66,
      [TALK_OF_US.test(sentence), 12],
      [/compar|switch|alternativ|shortlist|replac|against|vs/iu.test(verb.groups.verb ?? ''), 8],
    );
    return {
      type: 'COMPETITOR_MENTION',
      facts: { competitor: name },
      start: at,
      end: at + name.length,
      certainty: sure,
      // "With them since 2022" is how it stands.
      allows: /(?<!\p{L})since(?!\p{L})/u.test(sentence) ? [...ALLOWS, 'past'] : ALLOWS,
    };
  }
  return null;
}

/** News of a competitor. */
const ABOUT_THEM =
  /^(?:['’]s)? (?:has |have |today |just )?(?:announc|rais|appoint|launch|report|hir|open|releas|publish|acquir)/u;
/** Said of many things: where nothing of us is said beside them, they prove little. */
const WEAK_WORD =
  /^(?:customers?|clients?|users?|mention\w*|deals?|signed|bought|tools?|features?|knows?|likes?|loves?|hates?|has|have|had)$/iu;

/** As a whole word, spelt with a capital as names are. */
export function placeOf(sentence: string, name: string): number {
  for (let from = 0; ; ) {
    const at = sentence.indexOf(name, from);
    if (at === -1) return -1;
    const beside = `${sentence.charAt(at - 1)}${sentence.charAt(at + name.length)}`;
    if (!/[\p{L}\p{N}]/u.test(beside)) return at;
    from = at + name.length;
  }
}

function unknownIn(sentence: string): Match | null {
  // Anything is better than something: it has to be about suppliers.
  if (!TALK_OF_US.test(sentence)) return null;
  for (const pattern of RIVALS) {
    const found = firstMatch(pattern, sentence);
    const rival = found?.groups.rival?.replace(/['’.]s?$/u, '') ?? '';
    if (found === null || rival === '' || NO_NAME.test(rival.split(' ')[0] ?? '') || NO_RIVAL.test(rival)) continue;
    const start = sentence.indexOf(rival, found.start);
    const sure = certainty(68, [/(?<![\p{L}])(?:us|you|our|your|uns|nous|vous)(?![\p{L}])/iu.test(sentence), 6]);
    return {
      type: 'COMPETITOR_MENTION',
      facts: knownFacts({ competitor: rival }),
      start,
      end: start + rival.length,
      certainty: sure,
      allows: ALLOWS,
    };
  }
  return null;
}
