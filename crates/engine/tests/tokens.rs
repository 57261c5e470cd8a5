//! A token is there when it is durable, and gone when its revocation is; what the store did not take was never decided.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;

use rig::{Pending, Rig, Trouble, on_both_stores};
use workflow_core::id::TokenName;
use workflow_core::time::Timestamp;
use workflow_engine::ring::message::Input;
use workflow_engine::token::{self, Revocation, Secret, TokenRequest, TokenView};
use workflow_engine::{Engine, Options};
use workflow_store::{Memory, Role, Sqlite};

fn request(name: &str, role: Role) -> TokenRequest {
    TokenRequest { name: TokenName::new(name).unwrap(), role, admin_elsewhere: false }
}

/// Asked for, and not waited for.
fn create(rig: &mut Rig, name: &str, role: Role) -> (Pending<TokenView>, Secret) {
    let (token, secret) = token::make(&request(name, role), Timestamp::from_millis(7)).unwrap();
    let pending = rig.ask(|reply| Input::CreateToken { token: Box::new(token), admin_elsewhere: false, reply });
    (pending, secret)
}

fn revoke(rig: &mut Rig, name: &str) -> Pending<Option<TokenView>> {
    let revocation = Revocation { token: name.to_owned(), admin_elsewhere: false };
    rig.ask(|reply| Input::RevokeToken { revocation, reply })
}

#[test]
fn nobody_calls_with_a_token_before_it_is_durable_nor_after_its_revocation_is() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        let (mut made, secret) = create(&mut rig, "ops", Role::Admin);
        rig.turn();
        assert!(rig.is_committing() && made.get().is_none(), "it waits for the store");
        // Decided on what is on its way to the store, and answered after it.
        let (mut twice, _) = create(&mut rig, "ops", Role::Reader);
        rig.turn();
        assert!(rig.tokens.holder(secret.expose()).is_none() && twice.get().is_none());
        rig.settle();
        let view = made.now().unwrap();
        assert_eq!(rig.tokens.holder(secret.expose()), Some(view.clone()));
        assert_eq!(twice.now().unwrap_err().code(), "token_exists");

        let mut revoked = revoke(&mut rig, "ops");
        rig.turn();
        assert!(revoked.get().is_none() && rig.tokens.holder(secret.expose()).is_some());
        let mut again = revoke(&mut rig, view.id.as_str());
        rig.turn();
        assert!(again.get().is_none(), "what it says is not durable yet");
        rig.settle();
        let revoked = revoked.now().unwrap().unwrap();
        assert_eq!(again.now().unwrap(), Some(revoked.clone()));
        assert!(rig.tokens.holder(secret.expose()).is_none());
        let rig = rig.crash();
        assert_eq!(rig.tokens.views(), [revoked]);
    });
}

#[test]
fn a_token_that_the_store_did_not_take_was_never_made_and_one_that_it_kept_is_still_live() {
    for trouble in [Trouble::Before, Trouble::BeforeUnknown, Trouble::AfterUnknown] {
        on_both_stores(|open| {
            let mut rig = open(Options::default());
            let (mut made, admin) = create(&mut rig, "ops", Role::Admin);
            rig.settle();
            made.now().unwrap();

            rig.troubles.push_back(trouble);
            let (mut made, secret) = create(&mut rig, "deploy", Role::Operator);
            rig.turn();
            // On top of what may be lost.
            let mut revoked = revoke(&mut rig, "ops");
            rig.settle();
            assert_eq!(
                revoked.now().unwrap_err().code(),
                if made.now().is_ok() { "admin_required" } else { "store_unavailable" }
            );
            while !rig.ring.is_ready() {
                assert!(rig.advance_to_next());
            }
            let written = trouble == Trouble::AfterUnknown;
            assert_eq!(rig.tokens.holder(secret.expose()).is_some(), written, "{trouble:?}");
            assert!(rig.tokens.holder(admin.expose()).is_some());
            // The ring knows it too: the name is taken or free.
            let (mut again, _) = create(&mut rig, "deploy", Role::Reader);
            rig.settle();
            assert_eq!(again.now().is_err(), written, "{trouble:?}");
            let rig = rig.crash();
            assert_eq!(rig.tokens.views().len(), 2, "{trouble:?}");
        });
    }
}

#[tokio::test]
async fn an_engine_tells_who_watches_and_finds_its_tokens_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("w.db");
    let open = || Sqlite::open(&path, workflow_store::Options::default()).unwrap();
    let bootstrap = open();
    let (_, ops) = token::add_to(&bootstrap, &request("ops", Role::Admin), Timestamp::from_millis(7)).unwrap();
    let refused = token::add_to(&bootstrap, &request("ops", Role::Admin), Timestamp::from_millis(7)).unwrap_err();
    assert_eq!(refused.code(), "token_exists");
    drop(bootstrap);

    let engine = Engine::open(open(), Options::default()).await.unwrap();
    let mut tokens = engine.tokens();
    assert!(tokens.borrow_and_update().holder(ops.expose()).is_some());
    let (view, deploy) = engine.create_token(request("deploy", Role::Operator)).await.unwrap();
    assert!(tokens.has_changed().unwrap(), "told before it was answered");
    assert_eq!(tokens.borrow_and_update().holder(deploy.expose()), Some(view));
    assert_eq!(engine.revoke_token(Revocation { token: "nobody".to_owned(), admin_elsewhere: false }).await, Ok(None));
    engine.revoke_token(Revocation { token: "deploy".to_owned(), admin_elsewhere: false }).await.unwrap().unwrap();
    assert!(tokens.borrow_and_update().holder(deploy.expose()).is_none());
    engine.shutdown(std::time::Duration::from_secs(1)).await.unwrap();

    let engine = Engine::open(open(), Options::default()).await.unwrap();
    let names: Vec<String> = engine.tokens().borrow().views().iter().map(|view| view.name.to_string()).collect();
    assert_eq!(names, ["ops", "deploy"]);
    engine.shutdown(std::time::Duration::from_secs(1)).await.unwrap();
    let empty = Engine::open(Memory::new(), Options::default()).await.unwrap();
    assert!(!empty.tokens().borrow().any());
}

/// One damaged row neither keeps the engine from opening nor lets anybody in, until an admin has revoked it.
#[tokio::test]
async fn an_engine_opens_with_a_damaged_token_and_writes_it_anew_when_it_is_revoked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("w.db");
    let open = || Sqlite::open(&path, workflow_store::Options::default()).unwrap();
    let add = |name, role| token::add_to(&open(), &request(name, role), Timestamp::from_millis(7)).unwrap();
    let (_, ops) = add("ops", Role::Admin);
    let (view, grafana) = add("grafana", Role::Reader);
    let person = rusqlite::Connection::open(&path).unwrap();
    person.execute("UPDATE token SET role = 'admin' WHERE name = 'grafana'", []).unwrap();
    drop(person);

    let engine = Engine::open(open(), Options::default()).await.unwrap();
    let tokens = engine.tokens();
    assert!(tokens.borrow().holder(ops.expose()).is_some());
    assert!(tokens.borrow().holder(grafana.expose()).is_none() && tokens.borrow().is_damaged(grafana.expose()));
    assert_eq!(tokens.borrow().damaged()[0].name, "grafana");
    let revocation = Revocation { token: view.id.to_string(), admin_elsewhere: false };
    let revoked = engine.revoke_token(revocation).await.unwrap().unwrap();
    assert_eq!((&revoked.id, &revoked.name, revoked.created_at), (&view.id, &view.name, view.created_at));
    assert!(tokens.borrow().damaged().is_empty());
    engine.shutdown(std::time::Duration::from_secs(1)).await.unwrap();
    let rows = workflow_store::Store::tokens(&open()).unwrap().whole().unwrap();
    assert_eq!(rows.iter().filter(|token| token.is_live()).map(|token| token.name.as_str()).collect::<Vec<_>>(), ["ops"]);
}
