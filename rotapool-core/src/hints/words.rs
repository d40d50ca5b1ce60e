//! The words upstreams use for what went wrong, in `code`, `type`, `status` and the like.

/// Characters of a code that are compared, its punctuation apart. No code that is known is longer.
const LONGEST: usize = 64;
/// Characters of a message that are looked at.
const LONGEST_MESSAGE: usize = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// What was paid for or granted is used up.
    Used,
    /// The credentials are no good.
    Credentials,
    /// Too much at a time.
    Limited,
    /// The upstream has too much to do, whoever asks.
    Busy,
}

impl Word {
    /// What a code says: `insufficient_quota`, `quotaExceeded`, `com.amazonaws#ThrottlingException`. Case and
    /// punctuation count for nothing, everything else does: a code that merely contains one of these is none.
    pub(super) fn of_code(text: &str) -> Option<Self> {
        if let Some((_, problem)) = text.split_once("http-problem-types#") {
            return Self::of_problem(problem);
        }
        let name = text.rsplit_once('#').map_or(text, |(_, name)| name);
        let name = name.split_once(':').map_or(name, |(name, _)| name);
        let mut letters = [0; LONGEST];
        let mut length = 0;
        for byte in name.bytes().filter(|byte| !matches!(byte, b'_' | b'-' | b' ' | b'.')) {
            *letters.get_mut(length)? = byte.to_ascii_lowercase();
            length += 1;
        }
        match &letters[..length] {
            b"insufficientquota"
            | b"insufficientuserquota"
            | b"insufficientbalance"
            | b"insufficientcredits"
            | b"insufficientfunds"
            | b"quotaexceeded"
            | b"quotaexhausted"
            | b"exceededcurrentquotaerror"
            | b"dailylimitexceeded"
            | b"monthlylimitexceeded"
            | b"billinghardlimitreached"
            | b"billingnotactive"
            | b"billingdisabled"
            | b"billingerror"
            | b"outofcredits"
            | b"creditsexhausted"
            | b"arrearage"
            | b"accountoverdueerror" => Some(Self::Used),
            b"invalidgrant"
            | b"invalidtoken"
            | b"invalidclient"
            | b"invalidapikey"
            | b"incorrectapikey"
            | b"apikeyinvalid"
            | b"apikeyexpired"
            | b"apikeydisabled"
            | b"authenticationerror"
            | b"authenticationfailed"
            | b"invalidauthentication"
            | b"invalidauthenticationerror"
            | b"invalidauth"
            | b"unauthenticated"
            | b"tokenexpired"
            | b"tokenrevoked"
            | b"tokeninvalidated"
            | b"accesstokenexpired"
            | b"accountdeactivated"
            | b"accountdisabled"
            | b"accountsuspended"
            | b"organizationdeactivated"
            | b"consumerinvalid"
            | b"consumersuspended"
            | b"expiredtoken"
            | b"expiredtokenexception"
            | b"unrecognizedclientexception"
            | b"invalidclienttokenid"
            | b"invalidaccesskeyid"
            | b"invalidsignatureexception"
            | b"signaturedoesnotmatch" => Some(Self::Credentials),
            b"ratelimitexceeded"
            | b"ratelimiterror"
            | b"ratelimitreached"
            | b"ratelimitreachederror"
            | b"ratelimited"
            | b"ratelimit"
            | b"userratelimitexceeded"
            | b"usagelimitreached"
            | b"toomanyrequests"
            | b"toomanyrequestsexception"
            | b"resourceexhausted"
            | b"requestlimitexceeded"
            | b"requestthrottled"
            | b"requestthrottledexception"
            | b"slowdown"
            | b"throttled"
            | b"throttling"
            | b"throttlingexception"
            | b"throttledexception"
            | b"throttlingratequota"
            | b"throttlingallocationquota"
            | b"provisionedthroughputexceededexception"
            | b"limitexceededexception"
            | b"bandwidthlimitexceeded"
            | b"priorrequestnotcomplete"
            | b"ec2throttledexception" => Some(Self::Limited),
            b"overloaded"
            | b"overloadederror"
            | b"engineoverloaded"
            | b"engineoverloadederror"
            | b"serveroverloaded"
            | b"serveroverloadederror"
            | b"modelcapacityexhausted"
            | b"modeloverloaded"
            | b"serviceunavailable" => Some(Self::Busy),
            _ => None,
        }
    }

    /// The problem types of the IETF draft. A quota there is a limit like any other, with a window.
    fn of_problem(name: &str) -> Option<Self> {
        match name {
            "quota-exceeded" | "abnormal-usage-detected" => Some(Self::Limited),
            "temporary-reduced-capacity" => Some(Self::Busy),
            _ => None,
        }
    }

    /// What a message for people says, where the upstream has no code for it: GitHub, Azure, Anthropic.
    ///
    /// A message may quote the request, so only phrases count that nobody calls a parameter.
    pub(super) fn of_message(text: &str) -> Option<Self> {
        const USED: [&str; 7] = [
            "quota exhausted",
            "quota exceeded",
            "exceeded your current quota",
            "out of call volume quota",
            "insufficient balance",
            "insufficient credits",
            "credit balance is too low",
        ];
        const LIMITED: [&str; 4] = [
            "rate limit exceeded",
            "secondary rate limit",
            "too many requests",
            "being rate limited",
        ];
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| contains(text, phrase));
        if says(&USED) { Some(Self::Used) } else { says(&LIMITED).then_some(Self::Limited) }
    }
}

/// The words that were heard: of several, the first in this order tells most.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Words {
    used: bool,
    credentials: bool,
    limited: bool,
    busy: bool,
}

impl Words {
    pub(super) fn hear(&mut self, word: Option<Word>) {
        match word {
            Some(Word::Used) => self.used = true,
            Some(Word::Credentials) => self.credentials = true,
            Some(Word::Limited) => self.limited = true,
            Some(Word::Busy) => self.busy = true,
            None => {}
        }
    }

    pub(super) fn or(self, other: Self) -> Option<Word> {
        if self.used || other.used {
            Some(Word::Used)
        } else if self.credentials || other.credentials {
            Some(Word::Credentials)
        } else if self.busy || other.busy {
            Some(Word::Busy)
        } else {
            (self.limited || other.limited).then_some(Word::Limited)
        }
    }
}

/// Whether `phrase`, in lower case, stands in the beginning of `text`.
pub(super) fn contains(text: &str, phrase: &str) -> bool {
    find(text, phrase).is_some()
}

/// Where `phrase`, in lower case, stands in the beginning of `text`.
pub(super) fn find(text: &str, phrase: &str) -> Option<usize> {
    let looked_at = text.as_bytes();
    let looked_at = &looked_at[..looked_at.len().min(LONGEST_MESSAGE)];
    looked_at
        .windows(phrase.len())
        .position(|window| window.eq_ignore_ascii_case(phrase.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_in_every_spelling_and_nothing_that_contains_it() {
        for text in
            ["insufficient_quota", "InsufficientQuota", "INSUFFICIENT-QUOTA", "quota exhausted"]
        {
            assert_eq!(Word::of_code(text), Some(Word::Used), "{text}");
        }
        for text in [
            "com.amazonaws.dynamodb.v20120810#ThrottlingException",
            "ThrottlingException:http://internal.amazon.com/coral/",
            "Throttling.RateQuota",
            "rateLimitExceeded",
            "https://iana.org/assignments/http-problem-types#quota-exceeded",
        ] {
            assert_eq!(Word::of_code(text), Some(Word::Limited), "{text}");
        }
        let problem = |name| {
            Word::of_code(&format!("https://iana.org/assignments/http-problem-types#{name}"))
        };
        assert_eq!(problem("temporary-reduced-capacity"), Some(Word::Busy));
        assert_eq!(problem("out-of-paper"), None);
        for text in ["", "not_insufficient_quota", "no access to this project", &"x".repeat(5000)] {
            assert_eq!(Word::of_code(text), None, "{text}");
        }
    }

    #[test]
    fn a_message_speaks_in_phrases_and_only_at_its_beginning() {
        let github = "You have exceeded a secondary rate limit. Please wait a few minutes.";
        assert_eq!(Word::of_message(github), Some(Word::Limited));
        assert_eq!(Word::of_message("Out of call volume quota."), Some(Word::Used));
        assert_eq!(Word::of_message("the model insufficient_quota does not exist"), None);
        let late = format!("{}quota exceeded", " ".repeat(LONGEST_MESSAGE));
        assert_eq!(Word::of_message(&late), None);
        assert_eq!(Word::of_message("é"), None);
    }
}
