//! Tokens that stand beside a name, and what keys and refusals say of themselves.

use super::*;

#[test]
fn a_token_beside_a_name_is_for_that_name_and_that_purpose_alone() {
    let ring = ring(&[1]);
    for made in Purpose::ALL {
        let claims = Claims::new(made, 1, 0, NOW + 1);
        let token = ring.sign_named(&claims, "map.tif").unwrap();
        for wanted in Purpose::ALL {
            let verdict = |name| ring.verify_named(&token, name, wanted, NOW, None);
            if made == wanted {
                assert_eq!(verdict("map.tif"), Ok(claims.clone()));
                assert_eq!(verdict("map.tif.aux.xml"), Err(Refusal::OtherName));
                assert_eq!(verdict(""), Err(Refusal::OtherName));
            } else {
                // What is for something else stands beside no name.
                assert_eq!(verdict("map.tif"), Err(Refusal::WrongPurpose));
                assert_eq!(verdict("map.tif.aux.xml"), Err(Refusal::WrongPurpose));
            }
        }
        assert_eq!(ring.verify(&token, made, NOW, None), Err(Refusal::BadSignature));
        let plain = ring.sign(&claims).unwrap();
        assert!(ring.verify_named(&plain, "map.tif", made, NOW, None).is_err());
        let later = ring.verify_named(&token, "map.tif", made, NOW + 1, None);
        assert_eq!(later, Err(Refusal::Expired));
    }
}

#[test]
fn a_key_gives_back_what_it_was_made_of() {
    let key = Key::new(7, vec![9; 40], NOW).unwrap();
    assert_eq!((key.id(), key.created(), key.secret()), (7, NOW, &[9; 40][..]));
}

#[test]
fn the_secret_of_a_claim_is_that_of_the_claim_and_the_key() {
    let secrets = [ring(&[1]).claim_secret("a"), ring(&[1]).claim_secret("b"), ring(&[2]).claim_secret("a")];
    assert_eq!(secrets[0], ring(&[1]).claim_secret("a"));
    assert!(secrets[0] != secrets[1] && secrets[0] != secrets[2] && secrets[1] != secrets[2]);
}

#[test]
fn a_refusal_says_what_it_is_to_the_host_and_a_name_that_is_not_there_is_not_found() {
    let all = [
        (Refusal::Malformed, "malformed"),
        (Refusal::BadSignature, "signature"),
        (Refusal::OtherName, "name after"),
        (Refusal::UnknownKey, "key"),
        (Refusal::WrongPurpose, "another purpose"),
        (Refusal::Expired, "expired"),
        (Refusal::WrongNetwork, "another network"),
    ];
    for (refusal, word) in all {
        assert!(refusal.to_string().contains(word), "{refusal}");
    }
    assert_eq!(Error::from(Refusal::OtherName).kind(), ErrorKind::NotFound);
}
