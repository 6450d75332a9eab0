"""The words by which students speak of bucketing, speed and accuracy, in Korean and English.

What this is: patterns, each with what it decides; collected from how the exercise is talked about
(spellings, particles, noun endings), not from single notebooks. What this is not: a parser of Korean.
"""

from __future__ import annotations

import re


def words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


BUCKETING = words(
    r"bu[ck]{1,2}e?t{1,2}(?:ing|ed)?\b|buckeing|b[ua]c?keting|[버부]\s?[켓켙킷킽케캣켇][팅]?|버[킷켓]"
    r"|dynamic[ -]?padd?ing|동적\s*(?:으로\s*|인\s*)?패딩|패딩\S{0,2}\s*동적|다이나믹\s*패딩"
    r"|배치\s?(?:별|마다)\S{0,2}\s*(?:다르|다른|맞[추춰])"
    r"|smart\s*batch|스마트\s*배[칭치]"
    r"|(?:비슷|유사)한\s*길이\S{0,6}\s*(?:\S{1,8}\s+){0,2}(?:끼리|묶|그룹|모[아으은])"
    r"|길이\S{0,2}\s*(?:비슷|유사)한\s*\S{1,6}\s*끼리"
    r"|group[_ ]by[_ ]length|group(?:ed|ing)\s(?:\w+\s){0,3}by\s(?:\w+\s)?length|LengthGrouped"
    r"|collat(?:or|e|ing)|콜레이터|콜레이팅|그룹화|그루핑|길이\s*(?:별|순)?\s*(?:로\s*)?(?:그룹|정렬|묶)|패딩을?\s*(?:길이별"
    r"|배치별)"
)
"""Bucketing itself or what does its work (dynamic padding, collator, grouping by length)."""

COMPARES = words(
    r"(?:baseline|베이스\s?라인|기존\s*모델|step\s*4)\S*\s*(?:모델|결과)?\S*\s*(?:비교|대비|보다)"
    r"|적용\s*(?:전후|전과\s*후|여부|유무)|유무에\s*따른"
    r"|두\s*(?:실험|실행|방식|방법|모델|경우|결과|학습)\S*\s"
    r"|\d\s*(?:초|분|시간|s|sec|min|h|m)\S{0,2}\s*(?:에서|→|->|➔|와|과|대|vs\.?)\s*(?:약\s*)?\d"
    r"|\d\s*(?:초|분|시간)(?:에서|와|과)\s+(?:약\s*)?\d"
)
"""Compares with the baseline: in this exercise with bucketing, unless the sentence names another topic."""

TIMES_FASTER = words(
    r"\d\s*배\s*(?:이상|정도|가량|가까이)?\s*(?:더\s*)?(?:빠|빨|단축|느)|\d\s*%\S*\s*(?:정도\s*|가량\s*)?(?:단축|빨|빠|절약)"
    r"|(?:times|x)\s*(?:faster|slower)"
)
"""So many times as fast: a comparison of runs, in a cell that names bucketing."""

_FEWER = (
    r"데이터\S*\s*(?:너무\s*|개수\S*\s*|수\S*\s*|크기\S*\s*|양\S*\s*)?(?:많|줄)|\d\s*%\s*만|개만|샘플링"
    r"|데이터\S*\s*\d[\d,.]*\s*[만천]?\s*[개건]\S{0,2}\s*(?:줄|축소)"
)
FEWER_DATA = words(_FEWER)
FEWER_ROWS = words(_FEWER + r"|(?<![a-z])gpu|colab|코랩")
"""Times compared because rows were left out or the machine changed: no sign of a comparison of runs."""

PADDING = words(r"padding|패딩|max_length|최대\s*길이")

SPEED = words(
    r"시간|속도|빨[라랐리]|빠[르른름릅]|느[려렸리린림]|걸[리렸림려린]|오래|단축|초당|steps?/s|it/s"
    r"|samples?/s|runtime|per[_ ]second|처리량"
    r"|speed|faster|slower|(?<![a-z])time|\d\s*(?:sec|초|분|min|s)(?![a-z])"
)
MEMORY = words(r"메모리|memory|\d\s*gb|vram")
ACCURACY = words(
    r"정확도|성능|accuracy|accuarcy|acuuracy|(?<![a-z])acc(?![a-z])|f1|지표|점수|score|performance|손실"
    r"|(?<![a-z])loss"
    r"|일반화|과적합|minima|학습에\s*\S*\s*영향|수렴"
)
OTHER_TOPIC = words(
    r"learning[_ ]?rate|학습률|(?<![a-z])lr(?![a-z])|freez|프리징|동결|얼리|dropout|드롭아웃"
    r"|weight[_ ]decay|optimizer|옵티마이저"
    r"|pruning|프루닝|lora|(?<![a-z])r\s*=\s*\d|kobert|roberta|sst-?2|mrpc|mprc|warmup|배치\s*(?:크기"
    r"|사이즈)|batch[_ ]size"
)
"""Another experiment: such a sentence speaks of bucketing only if it says so."""

OTHER_CHANGE = words(
    r"(?:max_?len\w*|epochs?|에[폭포]크?)\S{0,2}\s.{0,15}(?:줄[여였이]|늘[려렸리]|낮[추춰췄]|높[이여였]|바[꾸꿔꿨]|변경|조정|설정)"
)
"""Another knob was turned: what follows in the sentence is its doing."""

RUNS_COMPARED = words(
    r"더\s|instead|보다|훨씬|비교|차이|대비|전후|둘\s*다|반면|기존|원래|\bvs\b|than|compared|→|->|⇒|\d\s*배|times"
    r"|faster|slower|효과"
)
"""Holds something against something else."""

RATE = words(r"per[_ ]second|초당|it/s|처리\s*(?:량|속도)|throughput|steps?/s|samples?/s")
"""A rate: more of it is faster."""
MORE = words(r"올[라랐]|증가|상승|높|늘|improv|increas|rose|higher|빨|향상")
LESS = words(r"줄|감소|떨어|낮|decreas|drop|fell|lower|느려")

BETTER_SPEED = words(
    r"아[꼈껴끼]|반\s*토막|반의\s*반"
    r"|빨[라랐리]|빠[르른름릅]|단축|절반|faster|speed\s?-?up|sped up|(?:시간|time)\S*\s.{0,24}(?:줄|감소"
    r"|절약|reduc|decreas|짧|short|drop|fell|went down|halved)"
    r"|(?:reduc|cut|decreas|shorten|halv)\w*\s.{0,30}(?:time|runtime|duration)"
    r"|줄[었어였일]|감소|절약|속도\S*\s.{0,16}(?:향상|개선|증가|상승)|효율.{0,12}(?:개선|향상|높)"
)
WORSE_SPEED = words(
    r"느[려렸리린림]|오래\s*걸|더\s*걸|시간\S*\s*.{0,16}(?:늘|증가|길어|걸림)|늘[었어리렸]\S*|길어|slower"
    r"|longer"
    r"|속도\S*\s.{0,12}(?:감소|저하|떨어)|오히려\s*시간\s*증가"
)
BETTER_ACCURACY = words(
    r"향상|높[아았은게]|올라|올랐|상승|개선|좋[아았]|우수|증가|improv|better|higher|늘[었어]|넘[었어는]|달성"
)
GOAL = words(
    r"(?:0?\.90?|90)(?!\d)\s*(?:%|퍼센트|프로)?\S{0,3}\s*(?:대\S{0,2}\s*)?(?:이상|넘\S*|달성\S*|초과\S*|돌파\S*)(?:\s*(?:달성|나[왔온]|나오)\S*)?"
    r"|목표\S*\s*(?:정확도\S*\s*)?(?:달성\S*|넘\S*|도달\S*)"
)
"""Held against the goal of 90 %, not against another run."""
WORSE_ACCURACY = words(r"하락|떨어|낮[아았음은게]|감소|저하|나[빠쁘]|worse|lower|drop|안\s?나[오옴]|손해")
SAME = words(
    r"(?<!것 )(?<!것)(?<!듯 )같(?:다|았|고|음|습|은)|그대로|"
    r"차이\S*\s*(?:\S+\s*){0,3}?(?:없|않|안|못|미미|적|작|거의)|(?:거의|별|큰|별다른)\s*차이"
    r"|(?<!길이가 )(?:비슷|유사)(?!한?\s*\S{0,6}\s*(?:길이|문장|샘플|데이터|크기|것|도))"
    r"|동등|≒|≈|hardly|barely|동일(?!한?\s*\S{0,6}\s*(?:조건|모델|환경|데이터|설정|하이퍼|파라미터|구조|시드|seed))|똑같"
    r"|변[화하]\S*\s*(?:\S+\s*){0,2}?(?:없|미비|미미|않)|바뀌지\S*\s*않|늘지\S*\s*않|(?:좋아지|향상되"
    r"|개선되|오르|빨라지|줄어들|줄)지\S*\s*않"
    r"|향상\S*\s*(?:어려|없|안)|효과\S*\s*(?:\S+\s*){0,2}?(?:없|미미|않|못)"
    r"|similar(?! length)|identical(?! length)|stayed|unchanged|remained|comparable"
    r"|(?:저하|하락|손실|감소)\S*\s*(?:거의\s*)?(?:없|않)|(?:the )?same\b"
    r"|no (?:significant |big )?difference"
    r"|(?:did|does)(?:n.t| not)\s+(?:\w+\s+)?(?:help|improve|change|speed)"
    r"|without\s+(?:\w+\s+){0,2}(?:hurt|los|sacrific|degrad|harm)"
    r"|no\s+(?:\w+\s+){0,2}(?:loss|drop|decrease|degradation)"
    r"|(?:떨어지|낮아지|나빠지|느려지|하락하|감소하|저하되|잃)지\S{0,2}\s*않"
    r"|유지|좋아졌다고\s*생각\S*\s*안"
)

_PAST_SYLLABLES = "".join(
    chr(c) for c in range(0xAC00, 0xD7A4) if (c - 0xAC00) % 28 == 20 and chr(c) not in "있겠"
)
"""Syllables that end in ㅆ: the past tense of every verb ('줄었', '컸', '느려졌'). Not 있다 and -겠-."""

OBSERVED = words(
    rf"[{_PAST_SYLLABLES}](?:다|습|음|지만|고|으며|는데|던|으나|네|어|기|을|더라|구나|으니|으므로|더니)|[{_PAST_SYLLABLES}]\b"
    r"|(?:빠르다|느리다|좋다|낮다|높다|비슷하다|비슷함|짧다|길다|같다|동일하다|우수하다|미미하다|없다|낫다|이득이|크다"
    r"|많다|적다|덜하다)"
    r"|(?:걸림|낮음|높음|빠름|느림|좋음|같음|큼|적음|작음|없음|우수함|미미함?|단축|절감|절약|하락|상승|감소|증가|향상|개선"
    r"|유지|그대로|동일|비슷|짐|됨|않음|나옴|늘음|듦|듬|줆|줄음|압승|완승|무승부|우세|수준|정도|이내|범위)\s*(?:[.,!~ㅋㅠㅎ(]|$)"
    r"|(?:차이|변화|효과)\S*\s*(?:\S+\s*)?(?:난다(?!면)|났|나지|없다|없음|크다|컸|보인다)"
    r"|\d\S*\s*(?:→|⇒|➔|->)\s*(?:약\s*)?\d"
    r"|\b(?:was|were|became|got|took|reduced|improved|dropped|decreased|increased|showed|found|achieved)\b"
    r"|(?:똑같|비슷|동일|그대로|같)\S{0,3}\s*(?:걸린|나온)다|(?:나[옵온]|끝[난납]|걸립)(?:니)?다|압도적|월등"
    r"|did(?:n.t| not)\b"
    r"|\b(?:cut|fell|rose|went|ran|finished|made|gave|kept|saved|helped|stayed|remained|needed)\b"
    r"|확인[할되]\s*수?\s*있|확인(?:함|됨|하였|했|되었|된다)|[알느]\s*수\s*(?:있|없)|볼\s*수\s*있|나타났|것\s*같|인\s*것으로|로\s*보인다|로\s*보임|보아"
)
"""Says how it came out, as opposed to how it ought to be."""

PAST = words(rf"[{_PAST_SYLLABLES}](?:다|습|음|지만|고|으며|는데|던|으나|네|어|기|을|더라|구나)|걸림|나옴")
"""What was seen, in a comment: a noun ending there only names what a line is for."""

NOT_OWN = words(
    r"(?:팀원|다른\s*(?:분|사람|조|팀)|남들|동료|친구)\S{0,4}\s.{0,60}(?:했다고|한다고|다고\s*하|라고\s*하|빨라졌다|나왔다)"
    r"|(?:이해|공부|구현|코드|디버깅|찾|설정|환경)\S{0,6}\s*(?:\S{1,8}\s+){0,2}?(?:하?는\s*데|하느라|느라)\s*(?:시간\S{0,2}\s*)?(?:너무\s*|많이\s*)?(?:오래|많)"
)
"""Another person's result, or the time that the work took rather than the training."""

EFFECT = words(r"효과|차이")

EXPECTED = words(
    r"기대(?:할|되|하|된)|예상(?:된|되|할|합)|할\s*것이다|예정|계획|하고자|해보려|해\s?본다|확인해\s?본다"
    r"|비교해\s?본다|will be|should be|목적\s*:"
    r"|목표는|텐데|었더라면|았더라면"
)
GENERAL = words(r"[가-힣]면[ ,].{2,}|(?:방법|기법|기술|방식)(?:이|입|을|으)")
"""A conditional or a definition: how it is in general, unless something was seen."""
SEEN = words(r"확실히|실제로|결과|확인|볼\s*수|것\s*같|보[인임]|이번|실험|우리|본\s")

REASON = words(
    r"[가-힣]서\s*그(?:렇|런)|만큼|결과라고|결과이다|"
    r"때문|이유|원인|덕분|덕에|으로\s*인해|로\s*인해|줄임으로써|함으로써|함으로서|인하여|기여|그런지"
    r"|그런\s*것\s*같|그런가|(?<![가-힣])즉(?![가-힣])"
    r"|because|due to|since\b|thanks to|caused|라서|아서\s*그런|어서\s*그런|이라고\s*판단|로\s*판단|사료"
    r"|덜\s*처리|불필요한\s*(?:패딩|padding|연산)"
    r"|[가-힣](?:서|니까?)\s.{2,60}(?:것\s*같|듯\s?하|보임|보인다|가능성|판단)"
    r"|(?:제대로|잘)\s*적용\S*\s*(?:안|않|못)"
    r"|이미\s*padd?ing|이미\s*패딩|되어\s?있어서|적용이\s*(?:제대로\s*)?(?:안|되지)"
)
DIFFERS = words(
    r"\d\s*배\S*\s*(?:이상\s*|정도\s*|가량\s*|가까이\s*|넘게\s*)?(?:의\s*)?차이|차이\S*\s*(?:꽤\s*|매우\s*|많이\s*|상당히\s*)?"
    r"(?:크다|컸|큼|난다|났|나네|상당|뚜렷|확연|유의미)|유의미한\s*차이|압승|완승|승리|우세|무승부"
    r"|(?:버[킷켓케]팅?|bucket\w*|dynamic|동적\s?패딩|기본|baseline|step\s*\d)\s*[<>≒≈]"
)
"""Says that two runs differ, not always in which direction."""
TRADE_OFF = words(
    r"trade-?\s?off|트레이드\s*오프|대신|반면|시간\s*대비|대비\s*성능|적합|적절|바람직|이득|낫[다겠]|게\s*낫|게\s*좋(?:겠|을|다"
    r"|아)|것이\s*좋|추천|유리|권장|이점이|장점|단점"
    r"|\bworth\b|사용하지\s*않는\s*게|(?:속도|시간)\S*.{0,20}(?:지만|반면|으나|대신).{0,40}(?:성능|정확도|acc)"
    r"|(?:성능|정확도|acc)\S*.{0,30}(?:지만|반면|으나|대신|하지만).{0,40}(?:속도|시간)"
)
OPEN = words(
    r"모르겠|의문|궁금|분석이?\s*필요|학습이?\s*필요|더\s*알아|\?\s*\)|무언가|뭔가\s*\S+\s*(?:안|잘못)"
    r"|왜\s*\S*\s*(?:까|지)\b|검토가?\s*필요"
)
"""The student says that the explanation is still missing."""
QUANTITY = words(
    r"(?<![\d/])1/\d(?![\d/])|\d+(?:\.\d+)?\s*(?:%|배|시간|분|초|sec|min|h\b|m\b|s\b|gb|x\b)|0\.\d{2,}|\d+:\d\d|절반|반으로|twice"
    r"|half|두\s*배|세\s*배|\d\s*times"
)
TIMES = re.compile(r"(?:약\s*)?(\d+(?:\.\d+)?)\s*(?:배|x\b|times)")

INSTRUCTION = words(
    r"봅시다|보세요|하세요|주세요|해\s?보자\s*$|향상시키기|진행해\s*보기|만들기\s*$|불러오기|학습시키고"
    r"|두\s*가지\s*측면|여부를\s*확인하고"
    r"|분석한\s*결과를\s*제시|비교\s?분석하였다|정상적으로\s*(?:불러오고|작동)|성능을\s*개선시켰다"
    r"|90\s?%\s*이상으로\s*(?:개선|끌어)|알아보고,?\s*이들을"
    r"|평가\s?문항|상세\s?기준|루브릭|rubric|klue/ber?t?-?base\)?를|구성되어\s*있습니다|요구사항|체크리스트"
    r"|어떤\s*이점이\s*있는지"
)
"""The course's own words, quoted: exercise steps, rubric, lecture."""

BASELINE_LABEL = words(
    r"baseline|베이스|기본|기존|fixed|고정|max[_ -]?length|미적용|적용\s*전|사용\s*전|전\s*$|before|without"
    r"|w/o|no[ -]?bu|not bucket|(?:bu\w+|[버부][켓킷케]\S*)\s*(?:x|미|안|없|off)"
    r"|^\s*(?:nb|x|no|off|false|기본|전|a)\s*$|first|step\s*4|원본|vanilla|정적|static"
)
BUCKETING_LABEL = words(
    r"bu[ck]{1,2}e?t|[버부][켓켙킷케캣]|dynamic|동적|group|collator|advanced|개선|적용\s*후|사용\s*후"
    r"|적용함?\s*$|after|with\b|step\s*5|^\s*(?:b|o|on|true|후)\s*$"
)
