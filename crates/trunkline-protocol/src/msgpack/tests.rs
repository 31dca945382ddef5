//! What goes out comes back, and what is broken is said to be broken.

use proptest::prelude::*;
use rmpv::Value;

use super::*;
use crate::codec::Codec;
use crate::error::ErrorCode;

const BYTES_MAX: usize = 1024 * 1024;

fn packed(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    rmpv::encode::write_value(&mut out, value).unwrap();
    out
}

fn text(bytes: &[u8]) -> String {
    to_json(bytes, 64).unwrap_or_else(|error| panic!("{bytes:02x?}: {error}"))
}

fn refusal(frame: &[u8]) -> DecodeError {
    decode(frame, &mut String::new(), 64, BYTES_MAX).expect_err("it is refused")
}

fn map(members: Vec<(&str, Value)>) -> Value {
    Value::Map(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

fn frame(members: Vec<(&str, Value)>) -> Vec<u8> {
    packed(&map(members))
}

#[test]
fn a_frame_with_bytes_keeps_its_payload_as_it_came() {
    let payload = map(vec![("image", Value::Binary(vec![0, 255])), ("name", "x".into())]);
    let frame = frame(vec![("type", "t".into()), ("payload", payload.clone()), ("id", "m1".into()), ("new", 1.into())]);
    let mut fields = String::new();
    let envelope = decode(&frame, &mut fields, 64, BYTES_MAX).unwrap();
    let Some(Payload::Packed(kept)) = &envelope.payload else { panic!("it holds bytes") };
    assert_eq!(kept.bytes(), packed(&payload));
    let mut json = Vec::new();
    Dialect::Native.encode(&envelope, &mut json);
    let json = String::from_utf8(json).unwrap();
    assert_eq!(json, r#"{"type":"t","id":"m1","payload":{"image":"AP8=","name":"x"},"new":1}"#);
    assert_eq!(envelope.payload.as_ref().unwrap().json_bytes(), r#"{"image":"AP8=","name":"x"}"#.len());
    let mut again = Vec::new();
    encode(&envelope, &mut again);
    let (mut fields, mut other) = (String::new(), Vec::new());
    encode(&decode(&again, &mut fields, 64, BYTES_MAX).unwrap(), &mut other);
    assert_eq!(again, other);
}

#[test]
fn every_dialect_shows_bytes_as_base64() {
    let frame = frame(vec![("type", "t".into()), ("payload", map(vec![("image", Value::Binary(vec![7; 3]))]))]);
    let mut fields = String::new();
    let envelope = decode(&frame, &mut fields, 64, BYTES_MAX).unwrap();
    for dialect in Dialect::ALL {
        let mut out = Vec::new();
        dialect.encode(&envelope, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains(r#""image":"BwcH""#), "{} wrote {text}", dialect.name());
    }
}

#[test]
fn a_payload_without_bytes_is_json() {
    let frame = frame(vec![("type", "t".into()), ("payload", Value::Array(vec![1.into(), Value::Nil]))]);
    let mut fields = String::new();
    let payload = decode(&frame, &mut fields, 64, BYTES_MAX).unwrap().payload;
    assert_eq!(payload.unwrap().as_json().unwrap().get(), "[1,null]");
}

#[test]
fn row_45_to_53_what_json_refuses_is_refused() {
    let nested = |depth| (0..depth).fold(Value::Nil, |inner, _| Value::Array(vec![inner]));
    let type_and = |name, value| frame(vec![("type", "t".into()), (name, value)]);
    let mut trailing = type_and("id", "m".into());
    trailing.push(0xc0);
    let full = type_and("payload", nested(3));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("ends in the middle", Vec::new()),
        ("ends in the middle", full[..full.len() - 1].to_vec()),
        ("expected one MessagePack map", packed(&Value::Nil)),
        ("expected one MessagePack map", packed(&Value::Array(vec![]))),
        ("expected one MessagePack map", packed(&42.into())),
        ("type: missing", packed(&map(vec![]))),
        ("trailing bytes", trailing),
        ("type", frame(vec![("type", "a".into()), ("type", "b".into())])),
        ("id: stands twice", frame(vec![("type", "a".into()), ("id", "x".into()), ("id", "y".into())])),
        ("payload: stands twice", frame(vec![("type", "a".into()), ("payload", 1.into()), ("payload", 2.into())])),
        (
            "payload: stands twice",
            frame(vec![("type", "a".into()), ("payload", Value::Binary(vec![])), ("payload", Value::Binary(vec![]))]),
        ),
        (
            "payload: stands twice",
            frame(vec![("payload", Value::Binary(vec![])), ("type", "a".into()), ("payload", 1.into())]),
        ),
        ("z: stands twice", frame(vec![("type", "a".into()), ("z", 1.into()), ("z", 1.into())])),
        ("a key of a map is no text", packed(&Value::Map(vec![(1.into(), 2.into())]))),
        ("a key of a map is no text", packed(&Value::Map(vec![(Value::Binary(b"type".to_vec()), "t".into())]))),
        ("a key of a map is no text", type_and("payload", Value::Map(vec![(1.into(), 2.into())]))),
        ("not UTF-8", [&b"\x81\xa4type\xa2"[..], b"\xff\xfe"].concat()),
        ("NaN", type_and("payload", Value::F64(f64::NAN))),
        ("NaN", type_and("payload", Value::F32(f32::INFINITY))),
        ("id: expected", type_and("id", "x".repeat(65).into())),
        ("id: expected", type_and("id", "a\nb".into())),
        ("string", type_and("id", Value::Nil)),
        ("seq", type_and("seq", 9_007_199_254_740_992_u64.into())),
        ("-1", type_and("seq", (-1).into())),
        ("1.5", type_and("deadline_ms", 1.5.into())),
        ("extension type -1", type_and("payload", Value::Ext(-1, vec![0; 4]))),
        ("extension type 9", type_and("payload", Value::Ext(9, vec![]))),
        ("0xc1", b"\x81\xa4type\xc1".to_vec()),
        ("meta: bytes", type_and("meta", map(vec![("a", Value::Binary(vec![1]))]))),
        ("later: bytes", type_and("later", Value::Binary(vec![1]))),
        ("type: bytes", frame(vec![("type", Value::Binary(b"t".to_vec()))])),
        ("ends in the middle", b"\x82\xa4type\xa1t\xa7payload\xdd\xff\xff\xff\xff".to_vec()),
        ("ends in the middle", b"\x82\xa4type\xa1t\xa7payload\xc6\xff\xff\xff\xff".to_vec()),
    ];
    for (word, frame) in cases {
        let error = refusal(&frame);
        assert!(error.to_string().contains(word), "{frame:02x?}: {error}");
        assert_eq!(error.code(), ErrorCode::BadEnvelope, "{error}");
    }
}

#[test]
fn row_48_depth_is_counted_with_the_envelope_in_linear_time() {
    let frame = |depth: usize| [&b"\x82\xa4type\xa1t\xa7payload"[..], &vec![0x91; depth], b"\xc0"].concat();
    assert!(decode(&frame(63), &mut String::new(), 64, BYTES_MAX).is_ok());
    for depth in [64, 1_000_000] {
        assert_eq!(refusal(&frame(depth)).code(), ErrorCode::PayloadTooDeep);
    }
    let wide = [&b"\x82\xa4type\xa1t\xa7payload\xdd\x00\x0f\x42\x40"[..], &vec![0xc0; 1_000_000]].concat();
    assert!(decode(&wide, &mut String::new(), 64, BYTES_MAX).is_ok());
}

#[test]
fn numbers_keep_their_value() {
    for (json, bytes) in [
        ("0", &b"\x00"[..]),
        ("127", b"\x7f"),
        ("128", b"\xcc\x80"),
        ("65536", b"\xce\x00\x01\x00\x00"),
        ("18446744073709551615", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("-1", b"\xff"),
        ("-33", b"\xd0\xdf"),
        ("-32769", b"\xd2\xff\xff\x7f\xff"),
        ("-9223372036854775808", b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
        ("1.5", b"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"),
        ("-0.0", b"\xcb\x80\x00\x00\x00\x00\x00\x00\x00"),
    ] {
        assert_eq!(from_json(json).as_deref(), Some(bytes), "{json}");
        assert_eq!(text(bytes), json);
    }
    assert_eq!(text(b"\xca\x3d\xcc\xcc\xcd"), "0.10000000149011612", "the value that it has");
    assert_eq!(text(b"\xd3\x00\x00\x00\x00\x00\x00\x00\x07"), "7", "a long spelling");
    for (json, value) in [("1e999", f64::INFINITY), ("-1e999", f64::NEG_INFINITY), ("-0", -0.0), ("1E2", 100.0)] {
        assert_eq!(from_json(json), Some([&[0xcb][..], &value.to_be_bytes()].concat()), "{json}");
    }
    assert_eq!(from_json(&"9".repeat(400)), Some([&[0xcb][..], &f64::INFINITY.to_be_bytes()].concat()));
}

#[test]
fn long_headers_are_written_where_they_are_needed() {
    for count in [15, 16, 65_535, 65_536] {
        let items = vec!["0"; count].join(",");
        let mut expected = Vec::new();
        rmpv::encode::write_value(&mut expected, &Value::Array(vec![0.into(); count])).unwrap();
        assert_eq!(from_json(&format!("[{items}]")), Some(expected), "{count}");
        let value = "x".repeat(count);
        assert_eq!(from_json(&format!("\"{value}\"")), Some(packed(&value.as_str().into())));
    }
}

#[test]
fn what_is_no_json_is_not_packed() {
    for text in ["", "[", "{", "[1", "[1,]x", "{\"a\"}", "\"", "\"\\", "tru", "1 2", "é", "{1:2}", "-", "1e"] {
        assert_eq!(from_json(text), None, "{text}");
    }
    assert_eq!(from_json(&"[".repeat(1_000_000)), None);
}

fn worker_json(value: &Value) -> Result<String, DecodeError> {
    worker_to_json(&packed(value), 8, BYTES_MAX)
}

fn extension(code: i8, bytes: &[u8]) -> Value {
    Value::Ext(code, bytes.to_vec())
}

fn array(kind: &str, shape: &[u64], data: &[u8]) -> Value {
    let shape = shape.iter().map(|length| (*length).into()).collect();
    let value = Value::Array(vec![kind.into(), Value::Array(shape), Value::Binary(data.to_vec())]);
    extension(3, &packed(&value))
}

#[test]
fn extension_values_become_what_json_has() {
    let uuid = 0x1234_5678_90ab_cdef_1234_5678_90ab_cdef_u128.to_be_bytes();
    for (value, json) in [
        (extension(-1, &1_700_000_000_u32.to_be_bytes()), r#""2023-11-14T22:13:20Z""#),
        (extension(-1, &((5_000_u64 << 34) | 0x38bb_0c00).to_be_bytes()), r#""2000-02-29T00:00:00.000005Z""#),
        (
            extension(-1, &[&1_u32.to_be_bytes()[..], &(-1_i64).to_be_bytes()].concat()),
            r#""1969-12-31T23:59:59.000000001Z""#,
        ),
        (extension(1, &uuid), r#""12345678-90ab-cdef-1234-567890abcdef""#),
        (extension(2, b"-1.50E+3"), r#""-1.50E+3""#),
        (
            array("<f4", &[2, 2], &[1.5_f32, 0.0, -1.0, f32::NAN].map(f32::to_le_bytes).concat()),
            "[[1.5,0.0],[-1.0,null]]",
        ),
        (array("<f8", &[], &0.1_f64.to_le_bytes()), "0.1"),
        (
            array("<f2", &[5], &[0x3c00_u16, 0xc000, 0x3555, 0x0001, 0x7c00].map(u16::to_le_bytes).concat()),
            "[1.0,-2.0,0.333251953125,5.960464477539063e-8,null]",
        ),
        (array("|b1", &[2], &[1, 0]), "[true,false]"),
        (array("|u1", &[1], &[255]), "[255]"),
        (array("|i1", &[2], &[255, 1]), "[-1,1]"),
        (array("<i8", &[2], &[i64::MIN, 7].map(i64::to_le_bytes).concat()), "[-9223372036854775808,7]"),
        (array("<u8", &[1], &u64::MAX.to_le_bytes()), "[18446744073709551615]"),
        (array("<i2", &[1, 0, 5], &[]), "[[]]"),
        (Value::F64(f64::NAN), "null"),
    ] {
        assert_eq!(worker_json(&value).as_deref(), Ok(json), "{value}");
    }
}

#[test]
fn malformed_extension_values_are_refused() {
    let pad = |shape: &[u64]| array("|u1", shape, &[]);
    for value in [
        extension(-1, &[0; 5]),
        extension(-1, &u64::MAX.to_be_bytes()),
        extension(-1, &[&[0; 4][..], &i64::MAX.to_be_bytes()].concat()),
        extension(-1, &[&[0; 4][..], &i64::MIN.to_be_bytes()].concat()),
        extension(1, &[0; 15]),
        extension(2, b""),
        extension(2, b"1\"2"),
        extension(2, &[b'1'; 200]),
        extension(3, b""),
        extension(3, b"\x91\x01"),
        array("<f4", &[2], &[0; 4]),
        array("<f4", &[u64::MAX, u64::MAX], &[]),
        array("<c8", &[1], &[0; 8]),
        array("|O", &[1], &[0; 8]),
        pad(&[1_000_000_000, 0]),
        pad(&[u64::MAX, 2, 0]),
        extension(4, &[]),
    ] {
        assert_eq!(worker_json(&value).expect_err("refused").code(), ErrorCode::BadEnvelope, "{value}");
    }
    let deep = array("|u1", &[1; 9], &[1]);
    assert_eq!(worker_json(&deep).expect_err("refused").code(), ErrorCode::PayloadTooDeep);
}

#[test]
fn a_few_bytes_do_not_become_a_long_text() {
    let lists: Vec<u64> = [65_536].into_iter().chain([1; 61]).chain([0]).collect();
    let many = Value::Array(vec![array("|u1", &[1000, 0], &[]); 1000]);
    for value in [array("|u1", &lists, &[]), many, "\u{1}".repeat(BYTES_MAX / 2).into()] {
        let refused = worker_to_json(&packed(&value), 64, BYTES_MAX).expect_err("refused");
        assert_eq!(refused, DecodeError::TooLarge(BYTES_MAX));
        let refused = Payload::from_worker(Codec::MessagePack, &packed(&value), 64, BYTES_MAX).expect_err("refused");
        assert_eq!(refused.code(), ErrorCode::PayloadTooLarge);
    }
}

#[test]
fn a_text_has_its_bound_to_the_byte() {
    let bytes = Value::Binary(vec![7; 7]);
    let all = Value::Array(vec![
        "\u{1}\"é\n\t\u{8}\u{c}\r\\\u{7f}".into(),
        (-1.5).into(),
        Value::Nil,
        map(vec![("\u{2}", bytes)]),
    ]);
    let whole = worker_to_json(&packed(&all), 64, BYTES_MAX).unwrap();
    assert_eq!(worker_to_json(&packed(&all), 64, whole.len()).as_ref(), Ok(&whole));
    for bytes_max in 0..whole.len() {
        let refused = worker_to_json(&packed(&all), 64, bytes_max);
        assert_eq!(refused, Err(DecodeError::TooLarge(bytes_max)));
    }
}

#[test]
fn what_stands_beside_a_payload_has_a_bound_as_json() {
    let control = "\u{1}".repeat(500);
    for name in ["meta", "unknown"] {
        let value = if name == "meta" { map(vec![("a", control.as_str().into())]) } else { control.as_str().into() };
        for payload in [Value::Nil, Value::Binary(vec![1; 3000])] {
            let frame = frame(vec![("type", "t".into()), ("payload", payload), (name, value.clone())]);
            let refused = decode(&frame, &mut String::new(), 64, 2000).expect_err("refused");
            assert_eq!(refused, DecodeError::TooLarge(2000));
            decode(&frame, &mut String::new(), 64, 4000).expect("it fits");
        }
    }
    let large = frame(vec![("type", "t".into()), ("payload", control.as_str().into()), ("id", "m".into())]);
    let mut fields = String::new();
    let envelope = decode(&large, &mut fields, 64, 2000).expect("whoever takes it looks at the payload's size");
    assert_eq!(envelope.payload.as_ref().map(Payload::json_bytes), Some(3002));
}

#[test]
fn what_a_worker_wrote_is_kept_in_one_form() {
    let take = |value: &Value| Payload::from_worker(Codec::MessagePack, &packed(value), 64, BYTES_MAX).unwrap();
    let plain = take(&map(vec![("id", extension(2, b"1")), ("n", Value::Nil)]));
    assert_eq!(plain.as_json().map(serde_json::value::RawValue::get), Some(r#"{"id":"1","n":null}"#));
    let bytes = map(vec![("b", Value::Binary(vec![1]))]);
    assert_eq!(take(&bytes).as_kept(), (Codec::MessagePack, &packed(&bytes)[..]), "as it came");
    let mixed = take(&map(vec![("b", Value::Binary(vec![1])), ("d", extension(2, b"1")), ("n", Value::F64(f64::NAN))]));
    let expected = map(vec![("b", Value::Binary(vec![1])), ("d", "1".into()), ("n", Value::Nil)]);
    assert_eq!(mixed.as_kept(), (Codec::MessagePack, &packed(&expected)[..]));
    assert_eq!(mixed.json_bytes(), mixed.to_json().get().len());
    let within = mixed.within("result");
    assert_eq!(within.as_kept().1, packed(&map(vec![("result", expected)])));
    assert_eq!(within.json_bytes(), within.to_json().get().len());
    Packed::read(within.as_kept().1, 64).expect("it is whole");
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        prop::num::f64::NORMAL.prop_map(Into::into),
        ".{0,40}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 48, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Into::into),
            prop::collection::btree_map(".{0,8}", inner, 0..20)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(Value::from),
        any::<f32>().prop_map(Value::from),
        (any::<i8>(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(code, data)| Value::Ext(code, data)),
        prop::collection::vec(any::<u8>(), 16).prop_map(|data| Value::Ext(1, data)),
    ];
    leaf.prop_recursive(4, 32, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::vec((".{0,8}".prop_map(Value::from), inner), 0..8).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #[test]
    fn json_survives_messagepack(value in json()) {
        let json = serde_json::to_string(&value).unwrap();
        let packed = from_json(&json).unwrap();
        prop_assert_eq!(to_json(&packed, 64).unwrap(), json.clone());
        let spaced = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(&from_json(&spaced).unwrap(), &packed);
        let mut rest = &packed[..];
        let read = rmpv::decode::read_value(&mut rest).unwrap();
        prop_assert!(rest.is_empty());
        prop_assert_eq!(super::tests::packed(&read), packed, "as another writer writes it");
    }

    #[test]
    fn messagepack_without_bytes_survives_json(value in json()) {
        let packed = from_json(&value.to_string()).unwrap();
        let mut rest = &packed[..];
        let other = super::tests::packed(&rmpv::decode::read_value(&mut rest).unwrap());
        prop_assert_eq!(from_json(&to_json(&other, 64).unwrap()).unwrap(), other);
    }

    #[test]
    fn what_a_worker_writes_is_refused_or_kept(value in value()) {
        let bytes = packed(&value);
        if let Ok(payload) = Payload::from_worker(Codec::MessagePack, &bytes, 64, BYTES_MAX) {
            let (codec, kept) = payload.as_kept();
            let json = payload.to_json().get().to_owned();
            prop_assert_eq!(payload.json_bytes(), json.len());
            prop_assert_eq!(json, worker_to_json(&bytes, 64, BYTES_MAX).unwrap());
            if codec == Codec::MessagePack {
                prop_assert_eq!(Payload::Packed(Packed::read(kept, 64).unwrap()).json_bytes(), payload.json_bytes());
            }
        }
    }
}
