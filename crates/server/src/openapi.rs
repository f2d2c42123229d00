//! `GET /openapi.json`: the routes with their bodies and answers, described by the very types that parse and write them.

use crate::refusal::RefusalBody;
use crate::routes::{completions, metrics, models, next, score, sessions};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// A description while routes are added to it.
struct Description {
    paths: Map<String, Value>,
    /// Collects the schemas of bodies and answers.
    schemas: SchemaGenerator,
}

/// The description as a document of OpenAPI 3.1.
pub(crate) fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
    });
    let mut all = Description {
        paths: Map::new(),
        schemas: settings.into_generator(),
    };
    all.post::<completions::CompletionBody, completions::CompletionAnswer>(
        "/v1/completions",
        "Continue prompts, score them, stream: OpenAI's route. A stream has events of the same shape, each with a part of the text, and ends with `[DONE]`",
    );
    all.post::<next::NextRequest, next::NextAnswer>(
        "/v1/next",
        "What may come next after a text or a state",
    );
    all.post::<score::ScoreBody, score::ScoreAnswer>("/v1/score", "Log-probabilities of texts");
    all.get::<models::ModelList>("/v1/models", "All models");
    all.get::<models::About>("/v1/models/{name}", "A model");
    all.post::<models::Tokenize, models::Tokenized>("/tokenize", "Token ids of a text");
    all.post::<models::Detokenize, models::Detokenized>("/detokenize", "Text of token ids");
    all.get::<models::TokenizerInfo>("/tokenizer_info", "Control tokens of the first model");
    all.sessions();
    all.get::<metrics::Health>("/health", "Whether the engines run; 503 if one does not");
    all.text("/metrics", "Figures for Prometheus", "text/plain");
    all.text("/", "The playground", "text/html");
    all.text("/playground.css", "A part of the page", "text/css");
    all.text("/playground.js", "A part of the page", "text/javascript");
    all.text("/column.js", "A part of the page", "text/javascript");
    all.text("/openapi.json", "This document", "application/json");
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "elman serve",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Models over HTTP: OpenAI's completions, scores, states as values, named sessions.",
        },
        "paths": all.paths,
        "components": {
            "schemas": all.schemas.take_definitions(true),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "Needed if the server has API keys."}},
        },
        "security": [{}, {"key": []}],
    })
}

impl Description {
    fn sessions(&mut self) {
        use sessions::text;
        self.get::<sessions::SessionList>("/v1/sessions", "All named sessions");
        self.post::<sessions::Create, sessions::Shown>("/v1/sessions", "Create a session");
        self.get::<sessions::Shown>("/v1/sessions/{name}", "Position and marks");
        self.add::<sessions::Deleted>(
            "delete",
            "/v1/sessions/{name}",
            "Delete, also on disk",
            None,
        );
        let of = |action: &str| format!("/v1/sessions/{{name}}/{action}");
        self.post::<text::Feed, sessions::Shown>(&of("feed"), "Append a text or token ids");
        self.post::<text::Ask, next::NextAnswer>(&of("next"), "What may come next");
        self.post::<text::Generate, text::Generated>(
            &of("generate"),
            "Append what the model writes",
        );
        self.post::<sessions::Fork, sessions::Shown>(&of("fork"), "Copy under another name");
        self.add::<sessions::Shown>("post", &of("mark"), "Keep this position", None);
        self.post::<sessions::Unmark, sessions::Shown>(&of("unmark"), "Give up a mark");
        self.post::<sessions::Rewind, sessions::Shown>(&of("rewind"), "Go back to a position");
        self.get::<sessions::StateAnswer>(&of("state"), "The state as a value");
        self.add::<sessions::Shown>("post", &of("save"), "Save on disk", None);
        self.add::<sessions::Shown>("post", &of("restore"), "Restore from disk", None);
    }

    fn get<A: JsonSchema>(&mut self, path: &str, summary: &str) {
        self.add::<A>("get", path, summary, None);
    }

    fn post<B: JsonSchema, A: JsonSchema>(&mut self, path: &str, summary: &str) {
        let body = self.schema::<B>();
        self.add::<A>("post", path, summary, Some(body));
    }

    /// A route whose answer is no JSON of ours.
    fn text(&mut self, path: &str, summary: &str, kind: &str) {
        let answer = json!({"description": summary, "content": {kind: {}}});
        self.insert(
            "get",
            path,
            json!({"summary": summary, "responses": {"200": answer}}),
        );
    }

    fn add<A: JsonSchema>(&mut self, method: &str, path: &str, summary: &str, body: Option<Value>) {
        let (answer, refusal) = (self.schema::<A>(), self.schema::<RefusalBody>());
        let content = |schema: Value| json!({"application/json": {"schema": schema}});
        let mut operation = json!({
            "summary": summary,
            "responses": {
                "200": {"description": "The answer", "content": content(answer)},
                "4XX": {"description": "Why the request is refused", "content": content(refusal)},
            },
        });
        if let Some(body) = body {
            operation["requestBody"] = json!({"required": true, "content": content(body)});
        }
        self.insert(method, path, operation);
    }

    fn insert(&mut self, method: &str, path: &str, mut operation: Value) {
        if path.contains("{name}") {
            operation["parameters"] = json!([{"name": "name", "in": "path", "required": true, "schema": {"type": "string"}}]);
        }
        let methods = self.paths.entry(path).or_insert_with(|| json!({}));
        methods[method] = operation;
    }

    /// Adds a type with those it consists of and returns a reference to it.
    fn schema<T: JsonSchema>(&mut self) -> Value {
        self.schemas.subschema_for::<T>().to_value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_is_described() {
        let sources = [
            include_str!("routes.rs"),
            include_str!("routes/sessions.rs"),
            include_str!("playground.rs"),
        ];
        let mut routes = BTreeSet::new();
        for source in sources {
            for call in source.split(".route(").skip(1) {
                let path = call.split('"').nth(1).unwrap();
                let mut open = 1;
                let end = call.find(|c| {
                    open += i32::from(c == '(') - i32::from(c == ')');
                    open == 0
                });
                let handlers = &call[..end.unwrap()];
                for method in ["get", "post", "delete"] {
                    if handlers.contains(&format!("{method}(")) {
                        routes.insert((path.to_owned(), method.to_owned()));
                    }
                }
            }
        }
        let document = document();
        let described: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods.map(move |method| (path.clone(), method.clone()))
            })
            .collect();
        assert!(described.len() > 20);
        assert_eq!(described, routes);
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        fn references(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(fields) => {
                    if let Some(Value::String(to)) = fields.get("$ref") {
                        found.insert(to.rsplit('/').next().unwrap().to_owned());
                    }
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(values) => values.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = document();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        for name in &found {
            assert!(schemas.contains_key(name), "{name}");
        }
        assert!(found.len() > 20, "{found:?}");
        let body = &schemas["CompletionBody"]["properties"];
        for field in [
            "prompt",
            "echo",
            "logprobs",
            "stream_options",
            "logit_bias",
            "best_of",
        ] {
            assert!(body.get(field).is_some(), "{field}");
        }
        assert_eq!(body["n"]["maximum"], 128);
        assert_eq!(schemas["NextRequest"]["additionalProperties"], json!(false));
    }
}
