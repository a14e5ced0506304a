import { certainty, firstMatch, knownFacts, type Match, type Rule } from '../finding.ts';
import { NO_NAME } from '../vocabulary.ts';

export const SITE =
  '(?:offices?|headquarters|hq|hubs?|warehouses?|factor(?:y|ies)|plants?|facilit(?:y|ies)|(?:manufacturing |production |distribution |logistics |new |second |third )sites?|sites?|depots?|branch(?:es)?|stores?|shops?|showrooms?|campus|(?:data|distribution|fulfil?ment|service|innovation|tech|engineering|support|research|r&d|logistics|development|training|call|contact|sortation|delivery) cent(?:re|er)s?|laborator(?:y|ies)|labs?|clinics?|restaurants?|locations?|outposts?|subsidiar(?:y|ies)|premises|(?:production|assembly|packing) lines?|studios?|terminals?|bases?|footprint|operations? in|buildings?|units?(?= (?:at|in|on|near))|space(?= (?:in|at|near))|entit(?:y|ies)|yards?|hangars?|land|plots?|berths?|kitchens?|bakery|bakeries|workshops?|garages?|cold stores?|arm|division|square (?:feet|foot|metres?|meters?)|sq\\.? ?(?:ft|m)|m²|standorte?|niederlassung(?:en)?|werke?|büros?|filialen?|lager|logistikzentrum|zweigstelle|tochtergesellschaft|bureaux?|usines?|entrepôts?|agences?|filiales?|magasins?|plateforme logistique|sheds?|halls?)(?! (?:view|page|screen|tab|list|app|name|code|map|manager|field|number|settings?))';
const OPENS =
  "(?:will|to|would|can|and) (?:double|triple|extend|enlarge|lease|acquire|purchase|secure|relocate|move (?:in)?to|inaugurate|invest|take (?:on|over|up)|buy|rent)|grow(?:s|n|ing)? (?:to|its|from)|grew (?:to|its|from)|increas(?:es|ed|ing)|rent(?:s|ed|ing)|creat(?:es|ed|ing)|start(?:s|ed|ing)? up|found(?:s|ed|ing) (?:an?|its)|open(?:s|ed|ing)?(?: up)?|launch(?:es|ed|ing)?|build(?:s|ing)?|built|inaugurat(?:es|ed|ing)|set(?:s|ting)? up|establish(?:es|ed|ing)?|unveil(?:s|ed|ing)?|break(?:s|ing)? ground|broke ground|broken ground|leas(?:es|ed|ing)|sign(?:s|ed|ing)? (?:\\w+ ){0,6}?(?:lease|tenancy|agreement for|for)|tak(?:es|en|ing) (?:on|over|up|out)|took (?:on|over|up|out)|cut(?:s|ting)? the ribbon|adds?|added|adding|invest(?:s|ed|ing)?|arriv(?:es|ed|ing)|construct(?:s|ed|ing|ion)|mov(?:es|ed|ing) (?:in)?to|relocat(?:es|ed|ing)|start(?:s|ed|ing)? (?:work|construction|building|trading|production)|commission(?:s|ed|ing)|expand(?:s|ed|ing)?|extend(?:s|ed|ing)|doubl(?:es|ed|ing)|tripl(?:es|ed|ing)|enlarg(?:es|ed|ing)|acquir(?:es|ed|ing)|bought|buys|purchas(?:es|ed)|secur(?:es|ed)|gets? the keys|got the keys|picks? up the keys|planning permission|plans(?= (?:an?|another|its|their|new|two|three) )|eröffnet|eröffnung|baut|errichtet|bezieht|gründet|erweitert|ouvre|ouvert|ouverture|inaugure|s['’]implante|s['’]installe|construit|implante";
export const REGION =
  '(?:Europe|Asia|Africa|Oceania|North America|South America|Latin America|LATAM|the (?:US|USA|UK|EU|Netherlands|Nordics|Baltics|Gulf|Middle East|Midwest|North|Midlands|Far East|Benelux|Balkans|Philippines|Republic of Ireland|UAE|States|United (?:States|Kingdom|Arab Emirates)|Continent|continent)|US|USA|UK|DACH|EMEA|APAC|MENA|Benelux|Scandinavia|Iberia|Southeast Asia|South-East Asia)';
export const PLACE_NAME = "\\p{Lu}[\\p{L}’'-]+(?: (?:upon |on |de |am |an der |-)?\\p{Lu}[\\p{L}’'-]+){0,2}";
const IN_PLACE = new RegExp(
  `(?<![\\p{L}])(?:in|into|to|across|throughout|at|near|outside|around|for|of|beyond|dans|en|à|au|aux|nach|bei) (?:(?:central|northern|southern|eastern|western|north|south|east|west|downtown|greater|neighbouring|mainland) )?(?<place>${REGION}|${PLACE_NAME})(?![\\p{L}])`,
  'gu',
);
const PLACE_SITE = new RegExp(
  `(?<place>${REGION}|${PLACE_NAME}) (?:office|hub|warehouse|factory|plant|facility|site|depot|branch|store|showroom|market|headquarters|subsidiary|lab|campus|operation|entity|expansion|launch|outpost|base|distribution)`,
  'gu',
);
const NEW_SITE = new RegExp(
  `(?<![\\p{L}-])(?<verb>${OPENS})(?![\\p{L}])(?<gap>[^.;!?]{0,90}?)(?<![\\p{L}])(?<site>${SITE})(?![\\p{L}'’])`,
  'iu',
);
const SITE_OPENS = new RegExp(
  `(?<![\\p{L}])(?<site>${SITE})(?![\\p{L}])[^.;!?]{0,60}?(?<![\\p{L}-])(?<verb>opens?(?! (?:a|the) (?:ticket|case|file|app))|opened|opening|to open|(?:has been|have been|was|were|is being|are being|will be|being|to be|been) (?:\\p{L}+ )?(?:opened|set up|established|built|constructed|launched|acquired|leased|signed|secured|extended|expanded|inaugurated|commissioned|completed|added|founded|doubled|created|bought|purchased|unveiled|rented|let|taken)|takes shape|near(?:s|ing) completion|is taking shape|opens its doors|welcomes|goes live|went live|is ready|under construction|starts? (?:operat\\w+|production)|started (?:operat\\w+|production)|inaugurated|operational|up and running|came online|comes online|welcomes its first|eröffnet|ouvre(?:ra)?|ouvert)(?![\\p{L}])`,
  'iu',
);
const ENTERS =
  "(?<![\\p{L}-])(?<verb>(?i:export(?:s|ed|ing)?|(?:is|are) coming|comes|licen[cs]ed?|(?:to )?operate|operates|(?:is|are) (?:now |also |already )?(?:present|active|available|operating|trading|live|represented)|now (?:present|active|available|operating|live|serv\\w+|sell\\w+|ship\\w+|deliver\\w+|trad\\w+)|becom\\w+ available|expand(?:s|ed|ing)?|expansion|enter(?:s|ed|ing)?|entry|launch(?:es|ed|ing)?|push(?:es|ed|ing)?|mov(?:es|ed|ing)|roll(?:s|ed|ing)? out|go(?:es|ing)? live|went live|land(?:s|ed|ing)|debut(?:s|ed)?|scal(?:es|ed|ing)|start(?:s|ed|ing)? (?:trading|operations|operating|selling|shipping|serving|business)|begin(?:s|ning)? (?:trading|operations|operating|selling|shipping)|began (?:trading|operations|operating|selling)|set(?:s|ting)? up shop|international expansion|extend(?:s|ed|ing)|makes? (?:its|their) (?:debut|entry)|brings?|sets? foot|cross(?:es|ed|ing)|venture(?:s|d)?|arriv(?:es|ed|ing)|heads?|heading|s['’](?:implante|installe|étend)|expandiert|expansion|weitet|étend|se lance|débarque|lance))(?![\\p{L}])[^.;!?]{0,50}?(?<![\\p{L}])(?i:in|into|to|across|throughout|beyond|nach|auf|en|au|aux|dans) (?:the )?(?:(?:central|northern|southern|eastern|western|new|neighbouring|mainland|seven|six|five|four|three|two|\\d+|several|more|additional|further|other) ){0,3}";
const ENTERS_PLACE = new RegExp(`${ENTERS}(?<place>${REGION}|${PLACE_NAME})(?![\\p{L}])`, 'u');
const ENTERS_MARKET =
  /(?<![\p{L}-])(?<verb>expand(?:s|ed|ing)?|expansion|enter(?:s|ed|ing)?|entry|push(?:es|ed|ing)?|launch(?:es|ed|ing)?|mov(?:es|ing)|break(?:s|ing)|roll(?:s|ed|ing)? out|grow(?:s|ing)?|scal(?:es|ing))(?![\p{L}])[^.;!?]{0,60}?(?<![\p{L}])(?<place>(?:internationally|international (?:expansion|markets?|offices)|overseas|abroad|nationwide(?! \p{L})|new (?:markets|countries|regions|territories|states|cities)|(?:the|new|its|their|more|foreign|export|adjacent|neighbouring|\d+|two|three|four|five|\p{L}+(?:an|ish|ese|ch|ic|ern)) (?:\p{L}+ )?(?:markets?|countries|territories))(?! (?:square|stall|research|data|price|share|value|place|day|leaders?))|(?:us|european|american|german|french|asian|nordic|uk|british|irish|spanish|italian|dutch|polish|indian|chinese|japanese|canadian|australian) (?:market|launch|expansion|business|entity|customers))(?![\p{L}])/iu;
const CAPACITY =
  /(?<![\p{L}-])(?<verb>doubl(?:es|ed|ing|e)|tripl(?:es|ed|ing|e)|quadrupl(?:es|ed|ing)|increas(?:es|ed|ing)|expand(?:s|ed|ing)?|add(?:s|ed|ing))(?![\p{L}])[^.;!?]{0,40}?(?<place>(?:(?:production|manufacturing|warehouse|storage|factory|plant|office|floor)(?: (?:capacity|space))|capacity at|fleet (?:to|by)|footprint|square footage))(?![\p{L}])/iu;

/** `New office in Copenhagen from August`, without a verb. */
const HEADLINE = new RegExp(
  `(?<![\\p{L}])(?<!the |their |our |your |its )(?<verb>[Nn]ew|[Ff]irst|[Ss]econd|[Tt]hird|[Aa]nother) (?:[\\p{L}-]+ ){0,3}?(?<site>(?i:${SITE})) (?:in|near|at|outside|for) (?:${REGION}|${PLACE_NAME})`,
  'u',
);

/** The same verbs about screens, files, accounts and doors, and the opposite. */
export const NO_SITE =
  /(?<![\p{L}])(?:(?:yard|warehouse|store|branch|land|site|plant|facilities|space|building) management|open(?:s|ed|ing)? (?:(?:a|an|the|this|that|another|my|our|your|up|new|support|second) ){0,3}(?:tickets?|issues?|prs?|pull requests?|case|files?|tabs?|page|app|door|account|letter|emails?|link|window|dialog|menu|document|spreadsheet|report|dashboard|modal|bay door|conversation|thread|box|attachment|bank account|settings)|expand(?:s|ed|ing)? (?:(?:a|an|the|this|all|each|every|any) )?(?:row|section|panel|view|tree|node|menu|accordion|details|card|group|list|sidebar|window|abbreviation|acronym|search|filter|column|item|code|test)s?|office 365|microsoft office|open ?office|libre ?office|opening (?:hours|times|bid|balance)|open (?:day|house|source|evening)|out of office|office hours|enter(?:s|ed|ing)? (?:the|a|your|my|an|this) (?:\w+ )?(?:code|password|address|number|value|name|date|amount|pin|email|details|field)|web ?sites?|site map|on-?site search|app stores?|play store|data stores?|key-?value store|object stores?|git branch(?:es)?|feature branch(?:es)?|branch (?:protection|name)|main branch|pop-?up|in-app|power plants?|plant pots?|file (?:location|shop)|expansion pack|world['’]s (?:first|largest|leading)|line items?|drop-?down)(?![\p{L}])/iu;
export const CLOSES =
  /(?<![\p{L}])(?:clos(?:e|es|ed|ing|ure)(?! in on)|shut(?:s|ting)?(?:ter\w*)?|exit(?:s|ed|ing)?|withdraw\w*|withdrew|pull(?:s|ed|ing)? out|vacat\w+|divest\w*|mothball\w*|downsiz\w+|sublet\w*|consolidat\w+|schließt|geschlossen|ferme|fermeture)(?![\p{L}])/iu;
const SOFTWARE_PLACE =
  /^(?:Excel|Chrome|Safari|Outlook|Word|Firefox|Edge|Teams|Slack|Production|Staging|Beta|Preview|Android|Windows|Jira|Figma|Notion|Preview|Kubernetes|AWS|Azure|SAP|Snowflake|Salesforce|Series|VS|Xcode|PowerPoint|Google|App|Github|GitHub|Kanban|JSON|CSV|PDF|Stage|Phase|Q\d|Acrobat|Adobe|Series A|Series B)/u;

/** A site that opens or grows, or a place that a company goes to. */
export const expansions: Rule = (sentence) => {
  if (NO_SITE.test(sentence)) return [];
  const found =
    siteIn(sentence) ?? marketIn(sentence) ?? abroadIn(sentence) ?? capacityIn(sentence) ?? takeoverIn(sentence);
  return [found].filter((match) => match !== null);
};

function siteIn(sentence: string): Match | null {
  const found = firstMatch(NEW_SITE, sentence) ?? firstMatch(SITE_OPENS, sentence) ?? firstMatch(HEADLINE, sentence);
  if (found === null) return null;
  const { verb = '', site = '' } = found.groups;
  const place = placeIn(sentence);
  const start = sentence.indexOf(verb, found.start);
  if (CLOSES.test(sentence.slice(Math.max(0, start - 60), found.end + 20))) return null;
  // "Builds modules for two plants"
  if (/^buil/iu.test(verb) && / (?:for|of) /u.test(found.groups.gap ?? '')) return null;
  const isNew =
    /(?<![\p{L}])(?:new|second|third|fourth|fifth|sixth|first|another|additional|further|larger|bigger|\d{1,3}(?:st|nd|rd|th)|[\d,.]{3,} ?(?:sq|m²|square|-)|state-of-the-art|purpose-built|flagship|more|two|three|four|five|regional|european|us|neue[sn]?|zweite[sn]?|dritte[sn]?|nouve(?:au|l|lle)|deuxième|troisième|premi(?:er|ère))(?![\p{L}])/iu.test(
      sentence,
    );
  const isWeak =
    /^(?:adds?|added|adding|launch|unveil|plans|secur|bought|buys|purchas|acquir|took|tak|mov|extend|build|built|set|start|expand|commission|open|opens)/iu.test(
      verb,
    );
  if (!isNew && place === null) return null;
  if (
    /^(?:locations?|sites?|bases?|lines?|studios?|terminals?|shops?|stores?)$/iu.test(site) &&
    isWeak &&
    (!isNew || place === null) &&
    !/^open/iu.test(verb)
  )
    return null;
  const facts = knownFacts({ place, site: site.toLowerCase() });
  const sure = certainty(58, [place !== null, 12], [isNew, 10], [!isWeak, 6]);
  return { type: 'EXPANSION', facts, start, end: start + verb.length, certainty: sure };
}

/** Somebody who moves, not the company. */
const MOVER =
  /(?<![\p{L}])(?:managers?|director|rep|engineer|colleague|contact|he|she|who|ceo|cfo|cto|coo|founder|family|wife|husband|intern|assistant) (?:has |have |is |was |just |will )*$/iu;

function marketIn(sentence: string): Match | null {
  const found = firstMatch(ENTERS_PLACE, sentence);
  const market = firstMatch(ENTERS_MARKET, sentence);
  for (const each of [found, market]) {
    if (each === null) continue;
    const { verb = '', place = '' } = each.groups;
    const start = sentence.indexOf(verb, each.start);
    if (each === found && !isPlace(place)) continue;
    if (CLOSES.test(sentence.slice(Math.max(0, start - 60), each.end)) || MOVER.test(sentence.slice(0, start)))
      continue;
    const isStrong = /^(?:expan|enter|entry|start|begin|began|set|break|broke|debut|weitet|étend)/iu.test(verb);
    const isRegion = new RegExp(`^${REGION}$`, 'u').test(place) || COUNTRIES.test(place);
    if (!isStrong && !isRegion && each === found) continue;
    const sure = certainty(60, [isStrong, 10], [isRegion, 10], [each === market, 2]);
    return { type: 'EXPANSION', facts: knownFacts({ place }), start, end: start + verb.length, certainty: sure };
  }
  return null;
}

const ABROAD =
  /(?<![\p{L}])(?<verb>go(?:es|ing|ne)? (?:international|global|pan-european|national|nationwide|abroad|overseas|transatlantic)|(?:international|global|overseas|geographic(?:al)?|european|us|north american|asian) (?:expansion|growth|push|launch|rollout)|first (?:\p{L}+ )?(?:location|office|site|store|country) (?:outside|abroad|overseas)|(?:first|second|third|fourth|fifth|sixth|\d+(?:st|nd|rd|th)) (?:\p{L}+ )?(?:market|country|city|region))(?![\p{L}])/iu;

function abroadIn(sentence: string): Match | null {
  const found = firstMatch(ABROAD, sentence);
  if (found === null || CLOSES.test(sentence)) return null;
  const place = placeIn(sentence);
  return {
    type: 'EXPANSION',
    facts: knownFacts({ place }),
    start: found.start,
    end: found.end,
    certainty: certainty(58, [place !== null, 10]),
  };
}

function capacityIn(sentence: string): Match | null {
  const found = firstMatch(CAPACITY, sentence);
  if (found === null || CLOSES.test(sentence)) return null;
  const { verb = '' } = found.groups;
  const place = placeIn(sentence);
  return {
    type: 'EXPANSION',
    facts: knownFacts({ place, site: 'capacity' }),
    start: found.start,
    end: found.start + verb.length,
    certainty: certainty(58, [place !== null, 10]),
  };
}

/** Another business that is bought: its name, or what it is. */
const TAKEOVER =
  /(?<![\p{L}-])(?<verb>(?i:acquir(?:es|ed|ing)|(?:has|have) bought|bought|buy(?:s|ing)|to (?:buy|acquire)|tak(?:es|ing) over|took over|snap(?:s|ped) up|swallow(?:s|ed)|merg(?:es|ed|ing) with|complet(?:es|ed) (?:the |its )?(?:acquisition|purchase|takeover) of|(?:acquisition|takeover|purchase) of|übernimmt|rachète|acquiert))(?![\p{L}])(?! by)(?: (?!software|licen|tickets?)[^ .;!?]+){0,6}? (?<what>(?i:(?:start-?ups?|rivals?|business(?:es)?|compan(?:y|ies)|firms?|chains?|specialists?|operators?|manufacturers?|makers?|producers?|distributors?|wholesalers?|retailers?|consultanc(?:y|ies)|agenc(?:y|ies)|practices|clinics|stores|shops|depots|branches|brands?|competitors?|hauliers?|(?:ltd|limited|inc|gmbh|plc|llc)\.?))(?![\p{L}])|\p{Lu}[\p{L}-]+ (?:Ltd|Limited|Inc|GmbH|AG|SAS|BV|AB|Labs?|Group|Foods?|Logistics|Systems|Software|Technologies|Solutions|Services|Transport|Haulage|Engineering|Analytics|Robotics|Health|Partners|Digital|Energy|Bakery|Dairies|Brothers|& \p{Lu}\p{L}+))/u;

function takeoverIn(sentence: string): Match | null {
  const found = firstMatch(TAKEOVER, sentence);
  if (
    found === null ||
    /(?<![\p{L}])(?:customers?|clients?|licen[cs]es|tickets|seats|skills)(?![\p{L}])/u.test(
      sentence.slice(found.start, found.end),
    )
  )
    return null;
  const { verb = '', what = '' } = found.groups;
  const start = found.start;
  const place = placeIn(sentence);
  return {
    type: 'EXPANSION',
    facts: knownFacts({ place, acquired: what }),
    start,
    end: start + verb.length,
    certainty: certainty(60, [place !== null, 6]),
  };
}

const COUNTRIES =
  /^(?:the )?(?:Germany|France|Spain|Italy|Ireland|Portugal|Poland|Austria|Switzerland|Belgium|Denmark|Sweden|Norway|Finland|Netherlands|Czech\w*|Hungary|Romania|Greece|Turkey|Canada|Mexico|Brazil|India|China|Japan|Singapore|Australia|Dubai|Saudi\w*|Texas|California|Florida|New York|London|Berlin|Paris|Munich|Madrid|Amsterdam|Dublin|Scotland|Wales|England|Kenya|Nigeria|Indonesia|Vietnam|Thailand|Malaysia|Korea|Estonia|Latvia|Lithuania|Deutschland|Frankreich|Österreich|Schweiz|Polen|Spanien|Allemagne|Espagne|Italie|Belgique|Suisse|Europa)/u;

function isPlace(name: string): boolean {
  return name !== '' && !NO_NAME.test(name) && !NO_NAME.test(name.split(' ')[0] ?? '') && !SOFTWARE_PLACE.test(name);
}

function placeIn(sentence: string): string | null {
  for (const pattern of [IN_PLACE, PLACE_SITE]) {
    for (const found of sentence.matchAll(pattern)) {
      const place = found.groups?.place?.replace(/['’]s$/u, '') ?? '';
      if (isPlace(place)) return place.replace(/['’]s$/u, '');
    }
  }
  return null;
}
