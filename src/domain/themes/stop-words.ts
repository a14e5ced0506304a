// Words that say how something is said rather than what about, by language. The lists are joined: which language a text is
// in is not always known, and a word that is empty in one language seldom names anything in another.
const ENGLISH = `a about above across actually after afterwards again against ago all almost alone along already also although always am among an and
another any anybody anyone anything anyway are aren't around as ask at away back be became because become been before behind being below
besides best better between beyond both but by came can can't cannot come comes could couldn't did didn't do does doesn't doing don't done dont
down during each either else enough etc even ever every everybody everyone everything everywhere except far few fewer find fine first for
from further gave get gets getting give given gives go goes going gone gonna good got gotta great had hadn't happen happened happens has hasn't
have haven't having he he's hello help hence her here hers herself hey hi him himself his how however i i'd i'll i'm i've if im in indeed instead into
is isn't it it's its itself ive just keep kept kind know known last later latter least less let let's like likely little long lot lots made mainly
make makes making many may maybe me mean meanwhile might mine more moreover most mostly much must my myself namely near nearly
need needed needs neither never nevertheless new next nice no nobody none nor not nothing now nowhere of off often oh ok okay on once one ones only onto
or other others otherwise our ours ourselves out over own part per perhaps please possible probably put quite rather re really
regarding said same saw say says see seem seemed seems seen several shall she should shouldn't show shown since so some somebody somehow
someone something sometimes somewhere soon still such sure take taken takes tell than thank thanks that that's thats the their theirs them
themselves then there there's therefore these they they're thing things think this those though through thus till to together too took toward towards
tried tries try trying under unless until up upon us use used user uses using usually various very via want wanted wants was wasn't way ways we we'd we'll we're
we've well went were weren't what what's whatever when whenever where whereas wherever whether which while who whoever whole whom whose why
will with within without won't would wouldn't yeah yes yet you you'd you'll you're you've your yours yourself yourselves able
two three anymore bit else especially exactly extremely feel hope instead literally look looking looks lol makes nbsp overall pls plz pretty properly
simply started stuff super totally true ur whatever wish work working works wont cant doesnt didnt isnt wasnt i’m it’s don’t can’t`;

const GERMAN = `aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bereits bin bis bist bitte da dabei dadurch dafür
dagegen daher damit danach dann daran darauf daraus darf darum das dass davon dazu dein deine dem den denn der des deshalb die dies diese
diesem diesen dieser dieses doch dort du durch ein eine einem einen einer eines einfach einmal er es etwas euch euer für ganz gar geht gibt gut habe haben
hallo hat hatte hätte hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer in ins ist ja jede jedem jeden jeder jedes jetzt kann kein keine
keinen kommt können könnte leider lässt macht machen man mehr mein meine meinem meinen meiner mich mir mit mal möchte muss müssen nach nicht nichts noch nun nur ob obwohl
oder oft ohne schon sehr seid sein seine seit selbst sich sie sind so sobald solche soll sollte sondern sonst trotzdem über um und uns unser
unter usw viel viele vielen vom von vor wann war waren warum was wegen weil weiter welche wenig wenn wer werde werden wie wieder will wir wird wirklich wo worden wurde
wurden würde zu zum zur zwar zwischen`;

const FRENCH = `afin ai ainsi alors après as assez au aucun aucune aujourd'hui auquel aussi autre autres aux avait avant avec avoir avons beaucoup bien bon bonjour c'est ce ceci
cela celle celles celui cependant ces cet cette ceux chaque chez comme comment dans de depuis des dès deux devait doit donc dont du elle elles en encore entre est et
étaient était été être eu faire fait faut fois font ici il ils j'ai je jusque la là laquelle le lequel les leur leurs lors lorsque lui ma mais malgré me même mêmes merci mes
moi moins mon ne ni non nos notre nous on ont ou où par parce pas pendant peu peut peuvent plus plusieurs pour pourquoi pourtant pouvoir près qu'il qu'on quand que quel quelle
quelles quelque quels qui quoi sa sans se sera ses seulement si soit son sont sous souvent suis sur ta tandis te tes toi ton toujours tous tout toute toutes très trop tu un une
va vers veut voici voilà vos votre vous vraiment y`;

const SPANISH = `además ahora al algo algún alguna algunas algunos allí ante antes aquel aquella aquí así aún aunque bajo bien bueno cada casi como con contra cual cuales cuando
cuanto de del desde después donde dos durante el él ella ellas ellos en entonces entre era eran eres es esa esas ese eso esos esta está estaba estamos están estar este esto
estos estoy fue fueron gracias ha haber había hace hacer hacia han hasta hay he hola incluso la las le les lo los luego más me mejor menos mi mí mientras mis mismo mucha muchas mucho muchos
muy nada ni ningún ninguna no nos nosotros nuestra nuestro nunca o os otra otras otro otros para pero poco podemos poder por porque pues puede pueden puedo que qué quien quiero se sea
ser si sí sido siempre sin sino sobre solo sólo somos son soy su sus tal también tampoco tan tanto te tener tengo ti tiene tienen toda todas todavía todo todos tras tu tú un una uno unos usted
va vamos ya yo`;

const ITALIAN = `a abbiamo ad adesso ai al alcuni alla alle allo altra altre altri altro anche ancora appena avere avete aveva bene c'è che chi ci ciao ciò coi col come con contro
cosa così cui da dagli dai dal dalla dalle degli dei del dell della delle dello dentro di dopo dove due e è ecco ed era erano essere fa fare fatto fino fra già gli grazie ha hai hanno ho i il in io
l la le lei li lo loro lui ma mai me meno mentre mi mia mie miei mio molti molto ne negli nei nel nella nelle nessuno no noi non nostra nostro o ogni oppure ora per perché però più poco poi possibile
posso prima proprio può qua qualche quale quando quanto quasi quella quelle quelli quello questa queste questi questo qui quindi sarà se sei sempre senza si sia siamo sì solo sono sopra sotto
sta stato stessa stesso su sua sue sugli sul sulla suo suoi tanto te ti tra troppo tu tua tuo tutta tutte tutti tutto un una uno va voi vostro`;

const PORTUGUESE = `à ainda além algum alguma alguns ali ante antes ao aos apenas aquela aquele aquilo as às assim até bem boa bom cada com como contra da das de dela dele deles depois desde
dessa desse desta deste do dois dos e é ela elas ele eles em enquanto entre era eram essa esse esta está estão estar estava este estou eu fazer foi foram for gente há isso isto já lá lhe
lhes logo maior mais mas me melhor menos mesma mesmo meu meus mim minha muita muitas muito muitos na nada não nas nem nenhum nessa neste no nos nós nossa nosso num numa nunca o obrigado olá onde ou
outra outras outro outros para pela pelas pelo pelos pode podem pois por porque posso pouco pra qual quando quanto que quem quer são se seja sem sempre ser será seu seus si sido sim
só sob sobre somos sou sua suas tal também tão tem têm tenho ter teu toda todas todo todos tu tua tudo um uma umas uns vai você vocês`;

const DUTCH = `aan achter af al alle alleen alles als altijd andere ben bent bij bijna daar daarom dan dat de den der deze die dit doen door dus echt een eens één en er ertoe ge geen goed graag haar had
hallo heb hebben heeft heel hem het hier hij hoe hun iemand iets ik in is ja je jij jou jouw jullie kan kon kunnen maar maken me meer men met mij mijn moet moeten na naar naast niet niets nog nu of om omdat
onder ons onze ook op over reeds te tegen tijdens toch toen tot u uit uw vaak van veel voor waar waarom want waren was wat we weer wel welke werd wezen wie wij wil worden wordt zal ze zeer
zich zij zijn zo zoals zonder zou zouden`;

const NORTHERN = `af alla allt alltid alt andet andra andre att av bara bare begge ble blev bli blir både da de deg dem den denne deras deres det detta dette dig din disse du där där då efter eller en end enn er
et ett etter eftersom ej finns for fra från fram før før få får för göra gör ha hade hadde han hans har hej helt henne hennes her hos hun hur hva hvad hvem hver hvis hvor hvordan hvorfor här i igen ikke ikkje
ind ingen inn inte ja jag jeg kan kanske kom komme kommer kun kunde kunne lige man mange med meg mellan mellem men mer mere mig min mine mit mod mot mycket må måste når nej nei ni noe noen nogen noget nog nu nå
någon något några när nær och också også om op opp oss over på samma sammen sedan seg selv sig sin sit sitt själv skal skall skulle ska slik som så til till ud under upp ut utan uten vad var
vara ved vi vid vil ville vill vær være varför vilka vår åt än är även över`;

const POLISH = `a aby ale albo ani aż bardzo bez bo był była było były być bym chce ci cię co coś czy czyli dla do dobry dzień gdy gdyby gdzie go i ich ile im inne ja jak jakie jako je jeden jednak jego jej jest jestem
jeszcze jeśli już każdy kiedy kilka kto która które którego której który którzy lub ma mają mam mi mnie mną moge mogę może można mój mu musi my na nad nam nas nasz nawet nic nich nie niej nim niż no
o od oraz po pod podczas poza przed przez przy raz się są skąd sobie ta tak taki także tam te tego tej ten też to tobie trzeba tu tylko ty tych tym u w we wiele więc wszystkie wszystko właśnie z za
zawsze ze że żeby`;

const RUSSIAN = `а без более бы был была были было быть в вам вас ведь весь вместо во вообще вот впрочем все всегда всего всем всех всё вы где да даже для до его ее ей если есть еще ещё же за здесь здравствуйте и из
или им ими иногда их к каждый как какая какой когда кто куда ли либо лучше между меня мне много может можно мой моя мы на над надо наконец нас наш не него нее ней нельзя нет ни нибудь никогда ним
них ничего но ну о об один он она они оно опять от очень перед по под после потом потому почему почти при про просто раз разве с сам свою себе себя сейчас со спасибо так также такой там тебя тем теперь то тогда
того тоже только том тот три тут ты у уж уже хорошо хоть чего чем через что чтобы чуть эта эти этих это этого этой этом этот эту я`;

const TURKISH = `acaba ama aslında az bana bazı belki ben beni benim bile bir biraz birçok biri birkaç biz bize bizim bu buna bunda bunlar bunu bunun burada çok çünkü da daha de defa değil diye eğer en evet fakat gibi
hala hangi hatta hem henüz hep hepsi her hiç hiçbir için ile ise işte kadar kendi ki kim kimse lütfen madem mı mi mu mü nasıl ne neden nedenle nerede niçin niye o olan olarak oldu olduğu olmak olsa
olur ona onlar onu onun orada oysa sadece sanki sen senin siz size sonra şey şimdi şu tüm üzere var ve veya ya yani yine yok zaten`;

export const STOP_WORDS = setOf(
  ENGLISH,
  GERMAN,
  FRENCH,
  SPANISH,
  ITALIAN,
  PORTUGUESE,
  DUTCH,
  NORTHERN,
  POLISH,
  RUSSIAN,
  TURKISH,
);

/** Those of the languages beside English, where "die" and "war" are words that tell something. */
const FOREIGN_STOP_WORDS = setOf(
  GERMAN,
  FRENCH,
  SPANISH,
  ITALIAN,
  PORTUGUESE,
  DUTCH,
  NORTHERN,
  POLISH,
  RUSSIAN,
  TURKISH,
);

const ENGLISH_STOP_WORDS = setOf(ENGLISH);

/** Those that tell something in English too: alone they do not show that a text is in another language. */
const ALSO_ENGLISH = setOf(
  `ad al ale ante bare ben bent bile bin biz col com comment con contra de del dem den die dies dig din do door dos due durante el elle em encore end entre era et fait fare font gar hat hem her hoe la las le les logo los man mange mere met mi mia min mod mot nun os par pas per plus pod pour prima raz sans sera sin sit sob solo son sue sur tan ten ter til ton tot tout un van vi vid von war wat`,
);

/**
 * The words of a text in another language that tell nothing; none where it has as many of English, or none that is of
 * another language for certain.
 */
export function foreignStopWords(words: readonly string[]): ReadonlySet<string> {
  const foreign = words.filter((word) => FOREIGN_STOP_WORDS.has(word));
  const english = words.filter((word) => ENGLISH_STOP_WORDS.has(word));
  const isForeign = foreign.length > english.length && !foreign.every((word) => ALSO_ENGLISH.has(word));
  return new Set(isForeign ? foreign : []);
}

function setOf(...lists: readonly string[]): ReadonlySet<string> {
  return new Set(lists.flatMap((list) => list.replaceAll('’', "'").split(/\s+/)));
}
