//! What the others hear.

use super::*;

#[tokio::test(start_paused = true)]
async fn rests_are_told_once_to_the_others() {
    let folder = Folder::new();
    let (one, two) = (folder.open(), folder.open());
    let cooled = |what: &str, left: u64, cause: &str| Cooled {
        what: what.into(),
        left: SECOND * u32::try_from(left).unwrap(),
        cause: cause.to_owned(),
    };
    let (heard, mut events) = mpsc::channel(16);
    let (echo, mut own) = mpsc::channel(16);
    let test = async {
        let first = cooled("a", 30, "RateLimitError");
        one.cool(&[first.clone(), cooled("b", 1, "Timeout")]).await.unwrap();
        let Some(Event::Cooled(told)) = events.recv().await else { panic!() };
        let Some(Event::Cooled(other)) = events.recv().await else { panic!() };
        let (told, other) = if &*told.what == "a" { (told, other) } else { (other, told) };
        assert_eq!((&*told.what, told.cause.as_str(), &*other.what), ("a", "RateLimitError", "b"));
        assert!(told.left <= SECOND * 30 && told.left >= Duration::from_millis(29_950), "{told:?}");
        // An end only ever moves away.
        two.cool(&[cooled("a", 5, "Timeout")]).await.unwrap();
        advance(SECOND * 2).await;
        let all = two.cooled().await.unwrap();
        assert_eq!((all.len(), all[0].cause.as_str()), (1, "RateLimitError"));
        assert!(all[0].left > SECOND * 26);
        two.cool(&[cooled("a", 60, "BadGatewayError")]).await.unwrap();
        let Some(Event::Cooled(told)) = own.recv().await else { panic!() };
        assert_eq!((&*told.what, told.cause.as_str()), ("a", "BadGatewayError"));
        assert!(own.try_recv().is_err() && events.try_recv().is_err(), "nobody is told what it said itself");
        advance(SECOND * 61).await;
        assert_eq!(one.cooled().await, Ok(vec![]));
        let long = "x".repeat(241);
        let error = one.cool(&[cooled(&long, 5, "Timeout"), cooled("c", 5, "Timeout")]).await.unwrap_err();
        assert!(error.0.contains("241 bytes"), "{error:?}");
        assert_eq!(one.cooled().await.unwrap()[0].what.as_ref(), "c");
    };
    tokio::select! {
        () = two.watch(heard) => panic!(),
        () = one.watch(echo) => panic!(),
        () = test => {}
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_short_asks_the_others_to_give_back() {
    let folder = Folder::new();
    let (one, two) = (folder.open(), folder.open());
    let (heard, mut events) = mpsc::channel(16);
    let (echo, mut own) = mpsc::channel(16);
    let test = async {
        allowed(&one, ask(10, 0, 9));
        allowed(&two, ask(10, 0, 1));
        // Short, but nobody waits.
        allowed(&two, ask(10, 1, 5));
        advance(SECOND).await;
        assert!(events.try_recv().is_err());
        allowed(&two, Ask { hungry: true, ..ask(10, 1, 5) });
        assert_eq!(events.recv().await, Some(Event::GiveBack("a".into())));
        advance(SECOND).await;
        assert!(events.try_recv().is_err() && own.try_recv().is_err());
    };
    tokio::select! {
        () = one.watch(heard) => panic!(),
        () = two.watch(echo) => panic!(),
        () = test => {}
    }
}
