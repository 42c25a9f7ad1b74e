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
fn auto_prefers_gemini_then_openai_then_describe() {
    let [base_url, model] = OLLAMA;
    assert_eq!(chosen(&[KEY, base_url, model]), "gemini");
    assert_eq!(chosen(&[base_url, model]), "openai");
    assert_eq!(chosen(&[]), "describe");
    // A key of OpenAI in the environment alone does not choose it.
    assert_eq!(chosen(&[("OPENAI_API_KEY", "lion")]), "describe");
}

#[test]
fn explicit_captioner_overrides_other_settings() {
    let [base_url, model] = OLLAMA;
    for choice in ["describe", "gemini", "openai"] {
        let variables = [("VITRINE_CAPTIONER", choice), KEY, base_url, model];
        assert_eq!(chosen(&variables), choice);
    }
}

#[test]
fn limits_and_prices_default_to_none() {
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
fn invalid_limits_and_prices_are_rejected() {
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
fn incomplete_configuration_names_what_is_missing() {
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
fn gemini_has_a_default_model_and_address() {
    let CaptionerChoice::Gemini(gemini) = read(&[KEY]).unwrap().captioner else {
        panic!("a key chooses Gemini");
    };
    assert_eq!(gemini.model, "gemini-3.5-flash");
    assert_eq!(gemini.base_url, "https://generativelanguage.googleapis.com");
}

#[test]
fn trailing_slash_of_an_address_is_removed() {
    let CaptionerChoice::OpenAi(openai) = read(&OLLAMA).unwrap().captioner else {
        panic!("an address chooses a compatible server");
    };
    assert_eq!(openai.base_url, "http://localhost:11434/v1");
    assert!(openai.api_key.is_none());
}

#[test]
fn invalid_addresses_and_models_are_rejected() {
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
fn errors_do_not_repeat_secrets() {
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
fn captioners_see_anonymised_pictures_by_default() {
    assert_eq!(read(&[]).unwrap().caption_source, CaptionSource::Anonymised);
    let settings = read(&[("VITRINE_CAPTION_SOURCE", "original")]).unwrap();
    assert_eq!(settings.caption_source, CaptionSource::Original);
}
