import type { SignalType } from '../../../../insights/signal.ts';
import { knownFacts, type Match, type Rule } from '../finding.ts';
import { MONEY } from '../vocabulary.ts';
import { placeOf } from './competitor-mentions.ts';
import { ROLE } from './executives.ts';
import { CLOSES, NO_SITE, PLACE_NAME, REGION, SITE } from './expansions.ts';
import { OTHER_MONEY } from './funding.ts';
import { JOB, NO_POSTING } from './job-postings.ts';
import { NO_FILING, REGISTER } from './register-filings.ts';
import { DEV_TALK, PRODUCTS, RESULTS } from './technologies.ts';
import { INVITES, NO_VISIT, THEIR_PAGE } from './website-visits.ts';

/** Words of a kind that stand together in a sentence, whatever its structure. */
interface Sign {
  readonly type: SignalType;
  /** All of them have to be said. */
  readonly words: readonly RegExp[];
  /** None of them may be said. */
  readonly except: readonly RegExp[];
  readonly certainty: number;
}

const TALKED_OF =
  /(?<![\p{L}])(?:asks?|asked|wants?|wanted|approved|joined (?:our|us|the (?:call|meeting|demo|session))|thanked|wonder\w*|would|could|connector|integration|support for|bug|error|ticket|invoice|discount|said no|dashboards?|conference|webinar|panel|podcast)(?![\p{L}])/iu;
const words = (pattern: string) => new RegExp(`(?<![\\p{L}])(?:${pattern})(?![\\p{L}])`, 'iu');
const SIGNS: readonly Sign[] = [
  {
    type: 'FUNDING_ROUND',
    words: [
      words(
        '(?:investment|funding|money|capital) (?:from|by)|(?:re)?financing|fundraising|fund-?raise|series [a-h]|(?:pre-?)?seed (?:round|money|funding)|venture capital|growth capital|(?:majority|minority|controlling) (?:stake|shareholding)|new (?:investors?|shareholders?)|unicorn|(?:climate|growth|venture|investment|state|innovation) fund|ipo|flotation|capital increase|kapitalerhöhung|augmentation de capital',
      ),
      words(
        'agree[sd]?|closed?|closes|raised?|raises|secur\\w+|gets?|got|receiv\\w+|complet\\w+|announc\\w+|takes?|took|acquir\\w+|is now|after its|worth|lands?|landed|wins?|won|has|have|done|new|joins?|joined|successful\\w*|[£$€]\\d[\\d.,]*\\s?(?:m|k|bn|million)',
      ),
    ],
    except: [
      TALKED_OF,
      words(
        'helps?|customers?|clients?|guide|how to|test|suite|advis\\w+|law firm|charit\\w+|hospice|food ?bank|prices?|fund manager|index fund|pension plan|concerns?|our own|budget',
      ),
    ],
    certainty: 55,
  },
  {
    type: 'FUNDING_ROUND',
    words: [
      new RegExp(MONEY, 'iu'),
      /\d ?(?:k|m|mn|mln|bn|mio|million|billion|millionen|millions|thousand|crore|lakh)(?!\p{L})|[.,]\d{3}[.,]\d{3}|(?<!\p{L})million/iu,
      words(
        'investors?|investments?|angels?|shareholders?|backers?|capital|equity|venture|vcs?|round|stake|valuation|family offices?|cap table|seed|fund(?:s|ing)?|backing|backed|financ\\w+|raise[sd]?|raising|investoren|investisseurs?|kapital',
      ),
    ],
    except: [TALKED_OF, OTHER_MONEY, words('helps?|guide|fund manager|concerns?|our own|no|not')],
    certainty: 56,
  },
  {
    type: 'FUNDING_ROUND',
    words: [
      words('(?:their|its|the|a|new|latest|funding|investment) round'),
      words('clos\\w+|rais\\w+|complet\\w+|led|announc\\w+'),
    ],
    except: [TALKED_OF, words('talks|golf|drinks|interviews?|questions|meetings?|next|merry|all year|helps?|feedback')],
    certainty: 54,
  },
  {
    type: 'EXECUTIVE_CHANGE',
    words: [
      new RegExp(`(?<![\\p{L}])${ROLE}`, 'iu'),
      words(
        'change of|change in|changes? at|will be|will become|becomes|is now|newly|vacant|replacement|leaves|leaving|resign\\w*|appoint\\w*|quit|quits|hires|promoted|joins|departs?|departure|gone|fire[sd]|fires|fired|sacks?|sacked|poach\\w*|exits?|exited|left|ousted|successor|takeover|took over|takes over|stepp\\w+ (?:down|up)|steps (?:down|up)|retir\\w+',
      ),
    ],
    except: [
      TALKED_OF,
      words(
        '(?:our|my|your) (?:new )?\\p{L}+|dashboards?|not|no|(?:says?|said|explains|writes) that (?:all|every|each|the|its|their)|will be (?:there|back|at|on|in|available|away|happy|presenting|speaking|joining|out)|call|meeting|speaker|keynote|holiday|early|comments?|notes?|voicemail',
      ),
    ],
    certainty: 54,
  },
  {
    type: 'JOB_POSTING',
    words: [
      words(
        'vacancies|job (?:postings?|ads?|adverts?|listings?|openings?)|open (?:roles|positions)|hiring|stellenanzeigen|offres d.emploi',
      ),
      words(
        'doubled|tripled|up|risen|rose|grew|growing|jump\\w*|more|new|live|online|published|posted|spotted|noticed|saw|see|seen|\\d+|several|currently|now|again|everywhere|push|spree|plans?',
      ),
    ],
    except: [
      NO_POSTING,
      TALKED_OF,
      words(
        'recruitment (?:agency|agencies|software)|recruiters|helps?|not|no|slow\\w*|down|fell|filled|software|platform',
      ),
    ],
    certainty: 54,
  },
  {
    type: 'EXECUTIVE_CHANGE',
    words: [
      new RegExp(`(?<![\\p{L}])${ROLE}`, 'iu'),
      words(
        'new (?:face|leader|boss|management|leadership)|at the top|off to|new challenge|helm|reins|successor|succession|reshuffle|shake-?up|moved on|handover|farewell|first day|last day|leadership change|management change|change at the top|since (?:january|february|march|april|may|june|july|august|september|october|november|december|monday|last week)',
      ),
    ],
    except: [TALKED_OF, words('birthday|holiday|customer since|dashboards?')],
    certainty: 55,
  },
  {
    type: 'JOB_POSTING',
    words: [
      new RegExp(`(?<![\\p{L}])${JOB}(?![\\p{L}])`, 'iu'),
      words(
        'hiring|recruit(?:s|ing|ment)|vacan(?:t|cy|cies)|job (?:ad|advert|post|posting|listing|offer|opening)s?|open (?:role|position)s?|wanted|apply|applicants?|career page|careers page',
      ),
    ],
    except: [
      NO_POSTING,
      TALKED_OF,
      words('recruitment (?:agency|agencies|software)|recruiters|helps?|apply (?:the|a|this|it)'),
    ],
    certainty: 54,
  },
  {
    type: 'JOB_POSTING',
    words: [
      words(
        'stellenanzeigen?|stellenangebote?|offre d.emploi|(?:m/w/d|w/m/d|m/f/d|f/m/d|m/f/x|h/f)|job (?:ads?|adverts?|postings?|listings?|openings?|specs?|descriptions?|vacanc(?:y|ies))|vacanc(?:y|ies)|openings? (?:for|in|across)|now hiring|(?:is|are) (?:now |currently |actively |still )?(?:hiring|recruiting)|hires? for|(?:\\d+|new|several|two|three|four|five|six|ten|dozens of|many|more|open) (?:\\p{L}+ ){0,2}(?:jobs|openings|vacancies|positions) (?:at|in|with|for|on|with|available)|staff(?:s|ing) up|(?:grow|expand|strengthen|enlarg|beef|bulk|doubl|build|scal)\\w* (?:up |out )?(?:its|their|the) (?:\\p{L}+ ){0,3}(?:team|department|workforce|headcount|sales force)|careers? (?:page|site|fair)|looking to (?:hire|recruit)|(?:hiring|recruitment) (?:spree|push|drive|round|event|day)|join (?:the|its|their) (?:\\p{L}+ ){0,3}team',
      ),
    ],
    except: [
      NO_POSTING,
      TALKED_OF,
      words(
        'recruitment (?:agency|agencies|software)|recruiters|helps?|not|no|slow\\w*|down|fell|filled|software for|platform|manage(?:s|r)? (?:job|vacan)\\w*|page (?:is|was)|broken|post jobs|team (?:meeting|lunch|call)',
      ),
    ],
    certainty: 54,
  },
  {
    type: 'TECHNOLOGY_ADOPTION',
    words: [
      new RegExp(`(?<![\\p{L}\\p{N}])${PRODUCTS}(?![\\p{L}\\p{N}])`, 'u'),
      words(
        '(?:is|are|was) (?:now )?(?:on|in|with)|now|everything|since|switched|old|legacy|puts|built|builds|runs|running|using|uses|kick-?off|project|contract with|decided (?:for|on|in)|decision (?:for|in)|in favou?r of|tech stack|stack|implementation|rolled|roll-?out|go-live|live|licen[cs]es|migrat\\w+|adopt\\w+|deploy\\w*|standard|powered|chose|chosen|choice of|selected|in production|transformation|modernis\\w+|moderniz\\w+',
      ),
    ],
    except: [
      DEV_TALK,
      RESULTS,
      TALKED_OF,
      words(
        'sells?|partners?|consultw*|resellers?|ex-w+|former|founded|comparw+|blog|likes?|hates?|expensive|overkill|rejects?|stays?|no|not|never|looked at|evaluatw+|considerw*|decommissionw*|training|talk|developers wear|question',
      ),
    ],
    certainty: 54,
  },
  {
    type: 'EXPANSION',
    words: [
      new RegExp(`(?<![\\p{L}])${SITE}(?![\\p{L}])`, 'iu'),
      words(
        'new|first|second|third|soon|next (?:year|spring|summer|autumn|winter)|from (?:january|february|march|april|may|june|july|august|september|october|november|december)|mega|secur\\w+|will|opens?|opened|opening|launch\\w*|build\\w*|leas\\w+|coming|start\\w*|mov(?:es|ing)|expan\\w+|bigger|larger|keys',
      ),
      new RegExp(`(?<![\\p{L}])(?:in|near|at|outside|to|into) (?:the )?(?:${REGION}|${PLACE_NAME})`, 'u'),
    ],
    except: [
      NO_SITE,
      CLOSES,
      TALKED_OF,
      words(
        'visit\\w*|meeting|met|holiday|based|since|for \\d+ years|employs?|no|not|never|staff|colleagues?|lovely|nice|view|lunch|call|demo|website|closed|hiring|recruit\\w*|jobs?|vacanc\\w+|vulnerab\\w+|server|login|account',
      ),
    ],
    certainty: 54,
  },
  {
    type: 'WEBSITE_ACTIVITY',
    words: [
      words(
        'our (?:web ?)?site|(?:our|the) (?:pricing|product|demo|plans|comparison|integrations?|documentation|docs)(?: page)?|website|/pricing|/demo|/product|/plans|contact form|on (?:our|the) \\p{L}+ (?:page|site)',
      ),
      words(
        'shows?|tracker|tracking|were on|was on|see|seen|saw|again|daily|every (?:day|week)|visit\\w*|view\\w*|brows\\w*|spent|been on|seen on|looked|looking|opened|read|returned|returning|back|activity|clicked|sessions?|compared|filled|times|anonymous',
      ),
    ],
    except: [
      NO_VISIT,
      THEIR_PAGE,
      INVITES,
      words(
        'settings|users?|expired|says?|said|writes?|wrote|likes?|broken|outdated|confusing|feedback|design|please|send',
      ),
    ],
    certainty: 54,
  },
  {
    type: 'COMPANIES_HOUSE_FILING',
    words: [
      REGISTER,
      words(
        'fil(?:ed|es|ing|ings)|notif\\w+|chang\\w+|director\\w*|accounts|return|charge|shares|officers?|registered|delivered|statement|appoint\\w+|updated|incorporat\\w+',
      ),
    ],
    except: [
      NO_FILING,
      words('asked|wants?|looked up|look up|check(?:ed)? (?:on|at)|api|import|export|integration|search(?:ed)?'),
    ],
    certainty: 56,
  },
];

/**
 * What no pattern of a sentence fits though its words are of a kind. It counts only where the sentence names a known
 * company, and is little sure: who wants certainty sets `minConfidence` to 60.
 */
export function weakSigns(sentence: string, found: ReadonlySet<SignalType>): Match[] {
  const signs = SIGNS.filter(
    ({ type, words: wanted, except }) =>
      !found.has(type) &&
      wanted.every((pattern) => pattern.test(sentence)) &&
      !except.some((pattern) => pattern.test(sentence)),
  );
  return signs
    .filter((sign, place) => signs.findIndex(({ type }) => type === sign.type) === place)
    .map(({ type, words: [first], certainty }) => {
      const at = (first as RegExp).exec(sentence) as RegExpExecArray;
      return {
        type,
        facts: knownFacts({ said: at[0] }),
        start: at.index,
        end: at.index + at[0].length,
        certainty,
        named: 'beside',
      };
    });
}

/** A known competitor in a sentence about a known company, whatever it says of both. */
export const besideCompetitor: Rule = (sentence, { competitors }) => {
  if (NOT_BESIDE.test(sentence)) return [];
  const name = competitors.find((each) => placeOf(sentence, each) !== -1);
  if (name === undefined) return [];
  const start = placeOf(sentence, name);
  const allows = ['question', 'hypothetical', 'negated', 'generic', 'past'] as const;
  return [
    {
      type: 'COMPETITOR_MENTION',
      facts: { competitor: name },
      start,
      end: start + name.length,
      certainty: 54,
      allows,
      named: 'beside',
    },
  ];
};
const NOT_BESIDE =
  /(?<![\p{L}])(?:never heard|not heard|sponsor\w*|exhibit\w*|conference|panel|podcast|booth|football|cricket|award\w*|charity|raises?|raised|appoints?|appointed|hires|hired|opens|opened|launches|launched|acquires|acquired|ceo|founder|press release|doesn['’]t know|don['’]t know)(?![\p{L}])/iu;
