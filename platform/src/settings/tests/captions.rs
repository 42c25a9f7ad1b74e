use super::*;

const KEY: (&str, &str) = ("GEMINI_API_KEY", "lion");
const OLLAMA: [(&str, &str); 2] = [
    ("OPENAI_BASE_URL", "http://localhost:11434/v1/"),
    ("OPENAI_MODEL", "gemma3"),
];

fn chosen(variables: &[(&str, &str)]) -> &'static str {
    match read(variables).unwrap().captioner {
        CaptionerChoice::Describe => "describe",
        CaptionerChoice::Gemini(_) => "gemini",
        CaptionerChoice::OpenAi(_) => "openai",
    }
}

#[test]
fn auto_takes_gemini_then_a_compatible_server_then_nobody() {
    let [base_url, model] = OLLAMA;
    assert_eq!(chosen(&[KEY, base_url, model]), "gemini");
    assert_eq!(chosen(&[base_url, model]), "openai");
    assert_eq!(chosen(&[]), "describe");
    // A key that lies about in the environment is no wish to send anything anywhere.
    assert_eq!(chosen(&[("OPENAI_API_KEY", "lion")]), "describe");
}

#[test]
fn what_was_chosen_holds_whatever_else_is_set() {
    let [base_url, model] = OLLAMA;
    for choice in ["describe", "gemini", "openai"] {
        let variables = [("VITRINE_CAPTIONER", choice), KEY, base_url, model];
        assert_eq!(chosen(&variables), choice);
    }
}

#[test]
fn limits_and_prices_are_none_unless_they_are_set() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.caption_limits, CaptionLimits::default());
    assert_eq!(settings.caption_price, None);
    let settings = read(&[
        ("VITRINE_CAPTION_DAILY_LIMIT", "500"),
        ("VITRINE_CAPTION_PER_MINUTE", "15"),
        ("VITRINE_CAPTION_PRICE", "USD 0.30 2.50"),
    ])
    .unwrap();
    let limits = settings.caption_limits;
    assert_eq!((limits.per_day, limits.per_minute), (Some(500), Some(15)));
    let price = settings.caption_price.unwrap();
    assert_eq!((price.sent, price.received), (0.30, 2.50));
    assert_eq!(price.currency, "USD");
}

#[test]
fn limits_and_prices_that_make_no_sense_are_refused() {
    for (name, value) in [
        ("VITRINE_CAPTION_DAILY_LIMIT", "0"),
        ("VITRINE_CAPTION_DAILY_LIMIT", "lots"),
        ("VITRINE_CAPTION_PER_MINUTE", "-1"),
        ("VITRINE_CAPTION_PRICE", "0.30"),
        ("VITRINE_CAPTION_PRICE", "0.30 2.50 USD"),
        ("VITRINE_CAPTION_PRICE", "USD 0.30 -2.50"),
        ("VITRINE_CAPTION_PRICE", "USD NaN 1"),
    ] {
        let complaint = complaint(&[(name, value)]);
        assert!(
            complaint.starts_with(&format!("{name}={value}")),
            "{complaint}"
        );
        assert!(complaint.contains("an example is"), "{complaint}");
    }
}

#[test]
fn half_a_configuration_names_what_is_missing() {
    let [base_url, model] = OLLAMA;
    for (variables, missing) in [
        (vec![("VITRINE_CAPTIONER", "gemini")], "GEMINI_API_KEY"),
        (
            vec![("VITRINE_CAPTIONER", "openai"), model],
            "OPENAI_BASE_URL",
        ),
        (vec![base_url], "OPENAI_MODEL"),
    ] {
        let complaint = complaint(&variables);
        let expected = format!("{missing} is not set");
        assert!(complaint.starts_with(&expected), "{complaint}");
        assert!(complaint.contains("an example is"), "{complaint}");
    }
}

#[test]
fn gemini_has_a_model_and_an_address_unless_others_are_set() {
    let CaptionerChoice::Gemini(gemini) = read(&[KEY]).unwrap().captioner else {
        panic!("a key chooses Gemini");
    };
    assert_eq!(gemini.model, "gemini-3.5-flash");
    assert_eq!(gemini.base_url, "https://generativelanguage.googleapis.com");
}

#[test]
fn an_address_may_end_with_a_slash() {
    let CaptionerChoice::OpenAi(openai) = read(&OLLAMA).unwrap().captioner else {
        panic!("an address chooses a compatible server");
    };
    assert_eq!(openai.base_url, "http://localhost:11434/v1");
    assert!(openai.api_key.is_none());
}

#[test]
fn what_cannot_be_an_address_or_a_model_is_pointed_out() {
    for (name, value) in [
        ("GEMINI_BASE_URL", "generativelanguage.googleapis.com"),
        ("GEMINI_BASE_URL", "ftp://example.org"),
        ("GEMINI_BASE_URL", "https://example.org/?key=1"),
        ("GEMINI_MODEL", "../../secrets"),
    ] {
        let complaint = complaint(&[KEY, (name, value)]);
        assert!(
            complaint.contains(&format!("{name}={value}")),
            "{complaint}"
        );
        assert!(complaint.contains("an example is"), "{complaint}");
    }
}

#[test]
fn a_secret_that_cannot_be_used_is_not_repeated() {
    for variables in [
        vec![("GEMINI_API_KEY", "li on")],
        vec![KEY, ("GEMINI_BASE_URL", "https://ada:li on@example.org")],
    ] {
        let complaint = complaint(&variables);
        assert!(complaint.starts_with("GEMINI_"), "{complaint}");
        assert!(!complaint.contains("li on"), "{complaint}");
    }
}

#[test]
fn providers_see_no_faces_unless_somebody_says_so() {
    assert_eq!(read(&[]).unwrap().caption_source, CaptionSource::Anonymised);
    let settings = read(&[("VITRINE_CAPTION_SOURCE", "original")]).unwrap();
    assert_eq!(settings.caption_source, CaptionSource::Original);
}
