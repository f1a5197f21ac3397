(* Reads a certificate and runs the extracted, proved checker on it.

   Trusted: this file (it turns the JSON text into exact rationals and claims what the kernel accepted), Coq's
   extraction, zarith with fast.ml, and the OCaml compiler. The witnesses need no trust: the kernel checks them.

   Usage: armor-formal FILE. Prints one JSON object; exit 0 accepted, 1 rejected, 2 bad input or not covered. *)

exception Bad of string        (* no certificate: exit 2 *)
exception Uncovered of string  (* perhaps right, but not for this checker: exit 2 *)
exception Refused of string    (* data or witnesses that no instance may have: exit 1 *)

(* JSON *)
type json = Null | Bool of bool | Num of string | Str of string | Arr of json list | Obj of (string * json) list

let parse text =
  let n = String.length text and k = ref 0 in
  let fail what = raise (Bad (Printf.sprintf "%s at character %d" what !k)) in
  let peek () = if !k < n then text.[!k] else '\000' in
  let rec space () = match peek () with ' ' | '\n' | '\t' | '\r' when !k < n -> incr k; space () | _ -> () in
  let expect c = space (); if !k < n && text.[!k] = c then incr k else fail (Printf.sprintf "'%c' expected" c) in
  let word w v =
    if !k + String.length w <= n && String.sub text !k (String.length w) = w
    then (k := !k + String.length w; v) else fail "unknown word" in
  let str () =
    expect '"';
    let b = Buffer.create 16 in
    let rec go () =
      if !k >= n then fail "unfinished string";
      match text.[!k] with
      | '"' -> incr k
      | '\\' -> fail "escapes are not used in certificates"
      | c -> Buffer.add_char b c; incr k; go () in
    go (); Buffer.contents b in
  let rec value () =
    space ();
    match peek () with
    | '{' -> incr k; space (); if peek () = '}' then (incr k; Obj []) else members []
    | '[' -> incr k; space (); if peek () = ']' then (incr k; Arr []) else items []
    | '"' -> Str (str ())
    | 't' -> word "true" (Bool true) | 'f' -> word "false" (Bool false) | 'n' -> word "null" Null
    | '-' | '0' .. '9' ->
      let s = !k in
      while !k < n && (match text.[!k] with '0' .. '9' | '-' | '+' | '.' | 'e' | 'E' -> true | _ -> false) do incr k done;
      Num (String.sub text s (!k - s))
    | _ -> fail "a value expected"
  and members acc =
    space ();
    let key = str () in
    if List.mem_assoc key acc then fail ("the key " ^ key ^ " is given twice");
    expect ':';
    let v = value () in
    space ();
    match peek () with
    | ',' -> incr k; members ((key, v) :: acc)
    | '}' -> incr k; Obj (List.rev ((key, v) :: acc))
    | _ -> fail "',' or '}' expected"
  and items acc =
    let v = value () in
    space ();
    match peek () with
    | ',' -> incr k; items (v :: acc)
    | ']' -> incr k; Arr (List.rev (v :: acc))
    | _ -> fail "',' or ']' expected" in
  let v = value () in
  space (); if !k < n then fail "text after the end"; v

(* Exact rationals: "1.5e-3", "1/3"; as long and as large as the other checker reads them, and within the doubles' range,
   beyond which exponentials would take for ever. *)
let longest = 20000
let largest = 1024 (* bits *)
let short t = if String.length t <= 40 then t else String.sub t 0 40 ^ "..."

let rational where = function
  | Str t when String.length t >= longest -> raise (Bad (where ^ " holds a number of too many digits"))
  | Str t ->
    let bad () = raise (Bad (Printf.sprintf "%s holds %S, which is not an exact number" where (short t))) in
    let digits s = s <> "" && String.for_all (fun c -> c >= '0' && c <= '9') s in
    let unsigned s = if s <> "" && (s.[0] = '-' || s.[0] = '+') then String.sub s 1 (String.length s - 1) else s in
    let negative = t <> "" && t.[0] = '-' in
    let make num den =
      if Z.numbits num - Z.numbits den > largest then
        raise (Uncovered (Printf.sprintf "numbers beyond 2^%d, and %s holds %S" largest where (short t)));
      { Kernel.qnum = (if negative then Z.neg num else num); qden = den } in
    let u = unsigned t in
    (match String.index_opt u '/' with
     | Some i ->
       let a = String.sub u 0 i and b = String.sub u (i + 1) (String.length u - i - 1) in
       if not (digits a && digits b) then bad ();
       let a = Z.of_string a and b = Z.of_string b in
       if Z.sign b = 0 then bad ();
       let g = Z.gcd a b in
       make (Z.div a g) (Z.div b g)
     | None ->
       let u = String.lowercase_ascii u in
       let mantissa, exponent = match String.index_opt u 'e' with
         | None -> u, 0
         | Some i ->
           let e = String.sub u (i + 1) (String.length u - i - 1) in
           if not (digits (unsigned e)) || String.length (unsigned e) > 4 then bad ();
           String.sub u 0 i, (if e.[0] = '+' then int_of_string (unsigned e) else int_of_string e) in
       let whole, fraction = match String.index_opt mantissa '.' with
         | None -> mantissa, ""
         | Some i -> String.sub mantissa 0 i, String.sub mantissa (i + 1) (String.length mantissa - i - 1) in
       if not (digits whole && (fraction = "" || digits fraction)) then bad ();
       let num = Z.of_string (whole ^ fraction) and power = exponent - String.length fraction in
       if power >= 0 then make (Z.mul num (Z.pow (Z.of_int 10) power)) Z.one
       else
         let den = Z.pow (Z.of_int 10) (-power) in
         let g = Z.gcd num den in
         make (Z.div num g) (Z.div den g))
  | _ -> raise (Bad (where ^ " does not hold the text of an exact number"))

let field o key = match List.assoc_opt key o with Some v -> v | None -> raise (Bad ("the field " ^ key ^ " is missing"))
let obj where = function Obj o -> o | _ -> raise (Bad (where ^ " is not an object"))
let arr where = function Arr a -> a | _ -> raise (Bad (where ^ " is not a list"))
let str where = function Str s -> s | _ -> raise (Bad (where ^ " is not a text"))
let vector o key = List.map (rational key) (arr key (field o key))
let only where known o =
  List.iter (fun (k, _) -> if not (List.mem k known) then raise (Bad (Printf.sprintf "%s has the unknown field %s" where k))) o

(* An f-divergence of the catalogue, or Rényi's of an order. *)
let divergence o =
  let plain d = only "divergence" [ "name" ] o; Kernel.Fdiv d in
  let parameter key = only "divergence" [ "name"; key ] o; rational key (field o key) in
  if List.mem_assoc "f" o then raise (Uncovered "a user's own f");
  match str "name" (field o "name") with
  | "kl" -> plain Kernel.KL | "reverse_kl" -> plain Kernel.ReverseKL | "pearson" -> plain Kernel.Pearson
  | "neyman" -> plain Kernel.Neyman | "tv" -> plain Kernel.TV | "hellinger" -> plain Kernel.Hellinger
  | "js" -> plain Kernel.JS | "triangular" -> plain Kernel.Triangular | "jeffreys" -> plain Kernel.Jeffreys
  | "cvar" -> Kernel.Fdiv (Kernel.CVaR (parameter "beta")) | "alpha" -> Kernel.Fdiv (Kernel.Alpha (parameter "alpha"))
  | "renyi" -> Kernel.RenyiOf (parameter "alpha")
  | name -> raise (Uncovered (Printf.sprintf "the divergence %S" name))

let zero = { Kernel.qnum = Z.zero; qden = Z.one }
let sign v = Z.sign v.Kernel.qnum

(* The sparse plan as one list per row. *)
let plan_of n m o =
  only "plan" [ "plan"; "singular" ] o;
  let table = Array.make_matrix n m None in
  let add a b = Kernel.qadd a b in
  List.iter (function
      | Arr [ Num i; Num j; mass ] ->
        let index s bound = match int_of_string_opt s with
          | Some v when v >= 0 && v < bound -> v
          | _ -> raise (Bad "the plan names a row or column that does not exist") in
        let i = index i n and j = index j m and v = rational "plan" mass in
        if sign v < 0 then raise (Refused "the plan has a negative entry");
        table.(i).(j) <- Some (match table.(i).(j) with None -> v | Some w -> add v w)
      | _ -> raise (Bad "an entry of the plan is not [row, column, mass]")) (arr "plan" (field o "plan"));
  let singular = match List.assoc_opt "singular" o with
    | None -> List.init m (fun _ -> zero)
    | Some v -> List.map (rational "singular") (arr "singular" v) in
  if List.length singular <> m then raise (Bad "singular does not have one entry per column");
  Array.to_list (Array.map Array.to_list table), singular

let read file =
  let channel = open_in_bin file in
  let text = Fun.protect ~finally:(fun () -> close_in channel) (fun () -> really_input_string channel (in_channel_length channel)) in
  let c = obj "the certificate" (parse text) in
  only "the certificate" [ "format"; "kind"; "instance"; "claim"; "lower"; "upper" ] c;
  if str "format" (field c "format") <> "armor-d-certificate 1" then raise (Bad "its format is unknown");
  let kind = str "kind" (field c "kind") in
  if kind <> "divergence" && kind <> "dro" then raise (Bad "its kind is neither divergence nor dro");
  let data = obj "instance" (field c "instance") in
  only "instance" ([ "divergence"; "cost"; "p"; "support"; "kappa" ]
                   @ if kind = "dro" then [ "phi"; "epsilon" ] else [ "q" ]) data;
  let d = divergence (obj "divergence" (field data "divergence")) in
  let space = match str "support" (field data "support") with
    | "space" -> true | "reference" -> false | _ -> raise (Bad "support is neither space nor reference") in
  let p = vector data "p" in
  let cost = List.map (fun r -> List.map (function Null -> None | v -> Some (rational "cost" v)) (arr "cost" r))
      (arr "cost" (field data "cost")) in
  let n = List.length p in
  if List.length cost <> n then raise (Bad "cost does not have one row per entry of p");
  let rows = List.combine p cost in
  let columns = vector data (if kind = "dro" then "phi" else "q") in
  let m = List.length columns in
  if List.exists (fun r -> List.length r <> m) cost then raise (Bad "cost is no matrix of the right width");
  if not (Kernel.distribution p) then raise (Bad "p is not a distribution");
  if kind = "divergence" && not (Kernel.distribution columns) then raise (Bad "q is not a distribution");
  let kappa = rational "kappa" (field data "kappa") in
  if sign kappa < 0 then raise (Refused "kappa is negative");
  let claim = obj "claim" (field c "claim") in
  only "claim" [ "lower"; "upper" ] claim;
  (* A bound that says nothing needs no witness; where there is one it must be readable all the same. *)
  let side key trivial infinite read =
    let witness = Option.map (fun w -> read (obj key w)) (List.assoc_opt key c) in
    let proved claim = match witness with
      | None -> raise (Refused (Printf.sprintf "the %s bound has no witness" key))
      | Some w -> claim w in
    match field claim key with
    | Str t when t = trivial -> Kernel.Nothing
    | Str t when t = infinite -> proved (fun w -> Kernel.Infinite w)
    | v -> let value = rational key v in proved (fun w -> Kernel.Bound (value, w)) in
  let plan w = let plan, s = plan_of n m w in Kernel.Plan (plan, s) in
  let prices w =
    let key = if List.mem_assoc "ray" w then "ray" else "g" in
    only "lower" [ key ] w;
    let g = List.map (function Str "-inf" -> None | v -> Some (rational key v)) (arr key (field w key)) in
    if List.length g <> m then raise (Bad (key ^ " does not have one entry per column"));
    if key = "ray" then Kernel.Ray g else Kernel.Prices g in
  let multipliers w =
    if List.mem_assoc "constant" w then begin
      only "upper" [ "constant" ] w;
      Kernel.Constant (rational "constant" (field w "constant"))
    end else begin
      only "upper" [ "lambda"; "rho" ] w;
      Kernel.Multipliers (rational "lambda" (field w "lambda"), rational "rho" (field w "rho"))
    end in
  let question =
    if kind = "divergence" then Kernel.Divergence columns
    else begin
      let eps = rational "epsilon" (field data "epsilon") in
      if sign eps < 0 then raise (Refused "epsilon is negative");
      Kernel.Value (columns, eps, kappa)
    end in
  let lower, upper = if kind = "divergence" then prices, plan else plan, multipliers in
  { Kernel.cert_family = d; cert_space = space; cert_rows = rows; cert_question = question;
    cert_lower = side "lower" "-inf" "inf" lower; cert_upper = side "upper" "inf" "-inf" upper }

(* Accepted is what the theorem [certificate_sound] is about, and nothing else; the parts say why the whole is not. *)
let decide c =
  let open Kernel in
  if check_certificate precision0 c then
    match c.cert_lower, c.cert_upper with
    | Nothing, Nothing -> Ok "the bounds -inf and inf claim nothing: no witness was evaluated"
    | Infinite _, Nothing -> Ok "the lower witness, evaluated by the proved checker, shows that the value is inf"
    | Nothing, Infinite _ -> Ok "the upper witness, evaluated by the proved checker, shows that the value is -inf"
    | _, Nothing -> Ok "the lower witness was evaluated by the proved checker; the upper bound inf claims nothing"
    | Nothing, _ -> Ok "the upper witness was evaluated by the proved checker; the lower bound -inf claims nothing"
    | _, _ -> Ok "both witnesses were evaluated by the proved checker"
  else Error (
      if not (check_instance c) then "the proved checker does not accept the instance"
      else if not (check_lower_end precision0 c) then "the proved checker does not accept the lower bound"
      else "the proved checker does not accept the upper bound")

let quoted text =
  let b = Buffer.create (String.length text + 2) in
  Buffer.add_char b '"';
  String.iter (function
      | '"' | '\\' as c -> Buffer.add_char b '\\'; Buffer.add_char b c
      | c when c < ' ' -> Buffer.add_string b (Printf.sprintf "\\u%04x" (Char.code c))
      | c -> Buffer.add_char b c) text;
  Buffer.add_char b '"';
  Buffer.contents b

let trusted = [ "Coq kernel"; "extraction"; "OCaml"; "zarith"; "its integer operations in fast.ml"; "the JSON reader main.ml" ]

let answer accepted grade reason =
  Printf.printf "{\"accepted\": %b, \"grade\": %s, \"reason\": %s, \"trusted\": [%s]}\n"
    accepted (quoted grade) (quoted reason) (String.concat ", " (List.map quoted trusted));
  exit (if accepted then 0 else if grade = "none" then 1 else 2)

let uncovered what = answer false "not covered" ("not covered by the proved checker: " ^ what)

let () =
  match Sys.argv with
  | [| _; file |] ->
    (match decide (read file) with
     | Ok why -> answer true "formal" why
     | Error why -> answer false "none" why
     | exception Refused why -> answer false "none" why
     | exception Uncovered why -> uncovered why
     | exception (Bad why | Sys_error why) -> answer false "unreadable" why
     | exception End_of_file -> answer false "unreadable" "it ended while it was read"
     | exception (Z.Overflow | Division_by_zero | Invalid_argument _ | Failure _) ->
       uncovered "numbers of this size"
     | exception (Stack_overflow | Out_of_memory) ->
       uncovered "a certificate nested so deeply or of this size")
  | _ -> prerr_endline "usage: armor-formal CERTIFICATE.json"; exit 2
