"""How much a common English word tells: a fixed table, so that no text's embedding depends on other texts.

The words are those met most often in technical English (the geometric mean of their document frequencies in Python's
standard library and in Debian's package descriptions), grouped by what is left of a rare word's weight.
"""

from __future__ import annotations

FULL = 16  # the weight of every word that is not in the table

_WORDS = {
    1: """
        a an and are as at be by for in is it of on or that the this to with
    """,
    4: """
        about above after again all also am any because been before being below between both but can could d did do
        does doesn don done down during each every few from had has have having he her here him his how i if into isn
        its just ll m may me might more most must my no nor not off once one only other our out over own re s same she
        should so some such t than their them then there these they those through too under until up us ve very want
        was we were what when where which while who whom whose why will would you your
    """,
    6: """
        data file package set use used
    """,
    8: """
        based c class code command contains default files format function information interface library like line list
        module new number object provides python return see server source string support system text user using
    """,
    10: """
        access add allows api application available base call called character client common create current defined
        different documentation either end environment error event example first following functions get given header
        headers implementation including input instance instead level make message method methods mode multiple name
        needed non objects open optional order org os output part path platform possible process program protocol
        provide provided read returns run shared simple single specified standard supported supports test time true
        two type types useful uses value values version well without write written
    """,
    12: """
        able abstract according across actual actually added addition additional address adds against algorithm allow
        allowing already alternative always another anything applications appropriate arbitrary architecture archive
        argument arguments around array ascii associated asynchronous attribute attributes authentication automatic
        automatically back basic behavior binary bindings bit block blocks buffer build building built builtins byte
        bytes cache callback calling calls cannot case cases cgi change changes characters check checks classes close
        codec collection collections commands compatibility compatible compile compiled compiler complete complex
        component components config configuration configure connect connection contain contained containing content
        contents context control conversion convert coordinates copy core corresponding created creates creating
        creation cross currently custom database date debug decode defaults define defines delete depending depends
        described description designed details determine development device dict dictionary directly directories
        directory display distribution doc document dom domain dynamic easy efficient element elements else embedded
        empty enable encode encoded encoding encodings engine entries entry equivalent errors etc even events examples
        except exception exceptions executable execute execution exist existing expected expression extended extension
        extensions external extra extract false fast feature features field fields filename filter find flags font
        form formats formatted formatting found frame framework free full functionality future general generate
        generated generates generator generic gives global go grid group handle handler handlers handles handling help
        helper high host however id implement implementations implemented implementing implements import include
        included includes index info inside install installed instances integer intended interactive interfaces
        internal interpreter io ip item items itself kernel key keys known language large last least left length less
        libraries lines link lists load local log logger logging long look loop low machine made main makes making
        manage management manager manual many map mapping match matching maximum means memory messages metadata model
        modify modules much multi named names necessary need needs network next node none normal note now numbers old
        operating operation operations option options original others otherwise packages parameter parameters parse
        parser parsing particular parts pass passed passing pattern per perform performance place plain platforms
        point points policy port portable position present previous print printed processes processing produce
        programming programs project properties protocols providing public purpose py query queue range rather raw
        readable reading reads real record reference regular related relative release remote remove removed replace
        replacement report representation representing request requests required requires resource resources response
        result results returned rfc right root running runs runtime safe screen script scripts search second select
        selection self send sent separate sequence sequences servers service session sets setting settings setup
        several shell short side similar simply since size small software space special specific specification specify
        split stack start starting state static statistics status still store stored stream streams strings structure
        structures style sub subclass suitable suite supplied supporting syntax sys systems table tag take takes
        target task tasks template terminal testing tests three times together tool tools top transport tree try tuple
        typically underlying unicode unix unless update url usage users usually utf util utilities utility valid
        variable variables various versions via view virtual wait way web whether within work working works wrapper
        writing www yet zero
    """,
}

WEIGHTS: dict[str, int] = {word: weight for weight, words in _WORDS.items() for word in words.split()}
